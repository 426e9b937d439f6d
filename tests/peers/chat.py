"""Asks a server that speaks chat completions, with the OpenAI package: chat.py URL KEY [models|whole|stream|tools]…"""
import json
import sys

from openai import OpenAI

url, key, *wanted = sys.argv[1:]
client = OpenAI(base_url=url, api_key=key, max_retries=0, timeout=30)
QUESTION = [
    {"role": "system", "content": "Answer from the text."},
    {"role": "user", "content": "The depot in Lisbon holds 40 pallets.\n\nWhere is the depot?"},
]
TOOL = {
    "type": "function",
    "function": {
        "name": "memory_search",
        "description": "Searches what is remembered.",
        "parameters": {"type": "object", "required": ["query"], "properties": {"query": {"type": "string"}}},
    },
}



def models():
    return [model.id for model in client.models.list()]


def whole():
    answer = client.chat.completions.create(model="default", messages=QUESTION)
    choice, usage = answer.choices[0], answer.usage.model_dump(exclude_none=True)
    return {"text": choice.message.content, "finish_reason": choice.finish_reason, "usage": usage}


def stream():
    text, usage, options = "", None, {"include_usage": True}
    for chunk in client.chat.completions.create(model="default", messages=QUESTION, stream=True, stream_options=options):
        usage = chunk.usage or usage
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
    return {"text": text, "usage": usage.model_dump(exclude_none=True)}


def tools():
    messages = [{"role": "user", "content": "Find out where the depot is."}]
    with client.chat.completions.stream(model="default", messages=messages, tools=[TOOL]) as stream:
        choice = stream.get_final_completion().choices[0]
    call = choice.message.tool_calls[0].function if choice.message.tool_calls else None
    return {"text": choice.message.content, "finish_reason": choice.finish_reason, "name": call and call.name}


DONE = {"models": models, "whole": whole, "stream": stream, "tools": tools}
print(json.dumps({what: DONE[what]() for what in wanted}))
