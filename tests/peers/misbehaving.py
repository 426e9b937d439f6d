"""An MCP server that does what none should. Its first argument says how it begins; its tools say the rest."""

import json
import os
import signal
import subprocess
import sys
import time

begins = sys.argv[1] if len(sys.argv) > 1 else "well"
changed = False


def log(line):
    if path := os.environ.get("LOG"):
        with open(path, "a") as file:
            file.write(line + "\n")


def send(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def text(id, text):
    send({"id": id, "result": {"content": [{"type": "text", "text": text}]}})


def tool(name, **more):
    return {"name": name, "description": name, "inputSchema": {"type": "object"}, **more}


def tools():
    plain = "echo crash hang slow stray flood_lines flood_messages flood_requests huge refuse fail break leave env odd".split()
    tools = [tool(name) for name in plain]
    tools.append(tool("change", description="after" if changed else "before"))
    tools.append(tool("read", annotations={"readOnlyHint": True}))
    tools.append(tool("getSum"))
    tools.append(tool("get-sum"))
    tools.append(tool("no_object", inputSchema={"type": "array"}))
    tools.append(tool("no_schema", inputSchema={"type": "object", "properties": {"x": {"type": "no type"}}}))
    tools.append(tool("too_large", inputSchema={"type": "object", "description": "x" * 100_000}))
    tools.append(tool("wordy", description="word \x1b[2J" * 10_000))
    tools.append(tool("n" * 300))
    tools.append(tool("echo", description="again"))
    return tools


def call(id, name, arguments):
    global changed
    if name in ("echo", "read"):
        text(id, json.dumps(arguments))
    elif name == "crash":
        print("out of cheese", os.environ.get("TOKEN", ""), file=sys.stderr, flush=True)
        os._exit(3)
    elif name == "hang":
        time.sleep(3600)
    elif name == "slow":
        pass
    elif name == "stray":
        print("no message\n{}\n[1, 2\n")
        print(b"\xff\xfe".decode("latin-1"))
        text(id, "done")
    elif name == "flood_lines":
        while True:
            print("no message")
    elif name == "flood_messages":
        while True:
            send({"method": "notifications/message", "params": {"level": "info", "data": "x"}})
    elif name == "flood_requests":
        count = 0
        while True:
            send({"id": f"ping-{count}", "method": "ping"})
            count += 1
    elif name == "huge":
        text(id, "x" * (20 << 20))
    elif name == "refuse":
        send({"id": id, "error": {"code": -32602, "message": "no such thing"}})
    elif name == "break":
        send({"id": id, "error": {"code": -32603, "message": "something broke"}})
    elif name == "fail":
        send({"id": id, "result": {"isError": True, "content": [{"type": "text", "text": "the disk is on fire"}]}})
    elif name == "leave":
        child = subprocess.Popen(["sleep", "3600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        text(id, str(child.pid))
    elif name == "env":
        text(id, json.dumps(dict(os.environ)))
    elif name == "odd":
        send({"id": id, "result": {"what": "is this"}})
    elif name == "change":
        changed = True
        send({"method": "notifications/tools/list_changed"})
        text(id, "changed")


log(f"start {os.getpid()}")
if begins == "dies":
    print("no licence found", file=sys.stderr)
    sys.exit(1)
if begins == "silent":
    time.sleep(3600)
if begins == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if begins == "garbage":
    while True:
        print("Welcome! " * 20)

for line in sys.stdin:
    message = json.loads(line)
    id, method, params = message.get("id"), message.get("method"), message.get("params", {})
    if method == "initialize":
        send({"id": id, "result": {
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {"listChanged": True}},
            "serverInfo": {"name": "misbehaving", "version": "1"},
        }})
    elif method == "tools/list" and begins == "paged":
        page = int(params.get("cursor", "0"))
        send({"id": id, "result": {"tools": [tool(f"tool_{page}_{n}") for n in range(20)], "nextCursor": str(page + 1)}})
    elif method == "tools/list":
        send({"id": id, "result": {"tools": tools()}})
    elif method == "tools/call":
        call(id, params["name"], params.get("arguments", {}))
    elif method == "notifications/cancelled":
        log(f"cancelled {params['requestId']}")
    elif method == "ping":
        send({"id": id, "result": {}})

while begins == "deaf":
    time.sleep(3600)
