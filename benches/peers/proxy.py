"""Callboard serving the models of the mock: client -> callboard -> mock. CPU counted: callboard's."""
import os, secrets, subprocess, sys, tempfile

import peerlib
# Of the B4 scripts, beside the driver.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(peerlib.__file__)), "b4_proxy"))
import stream

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
CALLBOARD = os.environ.get("CALLBOARD", os.path.join(ROOT, "target/release/callboard"))
FOLDER, KEY = tempfile.mkdtemp(prefix="callboard-", dir=os.environ.get("BENCH_DATA")), secrets.token_hex(24)
SETTINGS = {
    "CALLBOARD_AGENTS__FOLDER": os.path.join(ROOT, "agents"), "CALLBOARD_AGENTS__PROMPTS": os.path.join(ROOT, "prompts"),
    "CALLBOARD_MODELS__DEFAULT": "openai/mock", "CALLBOARD_MODELS__OPENAI__BASE_URL": peerlib.MOCK + "/v1",
    "OPENAI_API_KEY": "sk-mock", "CALLBOARD_KEY": KEY,
}
process = subprocess.Popen([CALLBOARD, "serve", "--listen", "127.0.0.1:4001", "--data", FOLDER],
                           stdout=subprocess.PIPE, text=True, cwd=FOLDER, env={**os.environ, **SETTINGS})
assert "listening at" in process.stdout.readline()

# The body names the alias and not the model behind it.
stream.BODY = stream.BODY.replace(b'"mock"', b'"default"')


async def teardown():
    process.terminate()
    process.wait()

peerlib.main(stream.client(4001, b"authorization: Bearer %s\r\n" % KEY.encode()), pids=[process.pid], teardown=teardown)
