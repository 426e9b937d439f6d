"""Holds what was sent and said on the wires against the types of the packages `openai` and `ollama`.

Reads lines of JSON, {"kind": …, "text": …}, and prints what is wrong with each, if anything is.
"""

import json
import sys
import typing

import ollama._types as ollama
from openai._streaming import SSEDecoder
from openai.types import CreateEmbeddingResponse, embedding_create_params
from openai.types.chat import ChatCompletion, ChatCompletionChunk, completion_create_params
from pydantic import TypeAdapter


def exhaust(value):
    """Looks at every item: what is iterable is validated only when it is."""
    if isinstance(value, dict):
        for item in value.values():
            exhaust(item)
    elif not isinstance(value, (str, bytes)) and hasattr(value, "__iter__"):
        for item in value:
            exhaust(item)


def known(names, given):
    unknown = set(given) - set(names)
    assert not unknown, f"unknown: {unknown}"


def params(kind):
    adapter = TypeAdapter(kind)

    def check(text):
        body = json.loads(text)
        known(typing.get_type_hints(kind), body)
        exhaust(adapter.validate_python(body, strict=True))

    return check


def model(kind):
    def check(text):
        known(kind.model_fields, json.loads(text))
        kind.model_validate_json(text, strict=True)

    return check


def ollama_chat(text):
    model(ollama.ChatRequest)(text)
    for message in json.loads(text)["messages"]:
        known(ollama.Message.model_fields, message)
        ollama.Message.model_validate_json(json.dumps(message), strict=True)


def events(text):
    chunks = [event.data for event in SSEDecoder().iter_bytes(iter([text.encode()]))]
    assert chunks.pop() == "[DONE]"
    assert chunks
    for chunk in chunks:
        known(ChatCompletionChunk.model_fields, json.loads(chunk))
        ChatCompletionChunk.model_validate_json(chunk, strict=True)


def lines(check):
    def each(text):
        for line in text.splitlines():
            check(line)

    return each


KINDS = {
    "openai request": params(completion_create_params.CompletionCreateParamsNonStreaming),
    "openai streaming request": params(completion_create_params.CompletionCreateParamsStreaming),
    "openai reply": model(ChatCompletion),
    "openai streamed reply": events,
    "openai embedding request": params(embedding_create_params.EmbeddingCreateParams),
    "openai embedding reply": model(CreateEmbeddingResponse),
    "ollama request": ollama_chat,
    "ollama reply": lines(model(ollama.ChatResponse)),
    "ollama embedding request": model(ollama.EmbedRequest),
    "ollama embedding reply": model(ollama.EmbedResponse),
}

for number, line in enumerate(sys.stdin):
    given = json.loads(line)
    try:
        KINDS[given["kind"]](given["text"])
    except Exception as error:
        told = " ".join(str(error).split())
        print(f"{number}: {given['kind']}: {type(error).__name__}: {told}")
print("checked", number + 1)
