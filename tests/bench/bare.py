"""What there is without a bank: an endpoint that does nothing, and the least that keeps, signs and calls back.

The last one is the ceiling of this design: raw ASGI, SQLite with group commit (FULL), an HTTP client over httptools.
It checks the signature, keeps the order, answers after the commit, calls back, and keeps the answer.
"""

import sys

_SERVE = """
import asyncio, socket, sys, uvicorn, uvloop
sock = socket.socket(); sock.bind(("127.0.0.1", 0)); sock.listen(512)
print("ready:%d" % sock.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, lifespan="off")).run([sock])
"""

_ASGI = """
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 302, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
"""

_FASTAPI = """
from fastapi import FastAPI, Request, Response
app = FastAPI()
@app.get("/vnpay/paymentv2/vpcpay.html")
async def pay(request: Request):
    return Response(status_code=302)
"""

_CEILING = """
import asyncio, hmac, sqlite3, sys
from concurrent.futures import ThreadPoolExecutor
from simulator.calling import Caller
from simulator.wire import Outgoing

SECRET, CALLBACK = sys.argv[1].encode(), sys.argv[2]
file = sqlite3.connect(sys.argv[3], isolation_level=None, check_same_thread=False)
file.executescript(
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "CREATE TABLE payment (ref TEXT PRIMARY KEY, said BLOB) WITHOUT ROWID;"
    "CREATE TABLE answer (ref TEXT, status INTEGER, body BLOB);"
)
waiting, thread, busy, caller = [], ThreadPoolExecutor(1), [False], []

async def kept(statement, row):
    done = asyncio.get_running_loop().create_future()
    waiting.append((statement, row, done))
    if not busy[0]:
        busy[0] = True
        asyncio.create_task(commit())
    await done

async def commit():
    while waiting:
        batch = waiting[:]
        waiting.clear()
        file.execute("BEGIN IMMEDIATE")
        for statement, row, _ in batch:
            file.execute(statement, row)
        await asyncio.get_running_loop().run_in_executor(thread, file.execute, "COMMIT")
        for _, _, done in batch:
            done.set_result(None)
    busy[0] = False

async def call(ref):
    if not caller:
        caller.append(Caller())
    signature = hmac.digest(SECRET, ref.encode(), "sha512").hex()
    url = f"{CALLBACK}?vnp_TxnRef={ref}&vnp_SecureHash={signature}"
    answer = await caller[0].call(Outgoing("GET", url), 15.0)
    await kept("INSERT INTO answer VALUES (?, ?, ?)", (ref, answer.status, answer.body))

calls = set()

async def app(scope, receive, send):
    said, _, signature = scope["query_string"].rpartition(b"&vnp_SecureHash=")
    assert hmac.digest(SECRET, said, "sha512").hex().encode() == signature
    ref = said.partition(b"vnp_TxnRef=")[2].partition(b"&")[0].decode()
    await kept("INSERT INTO payment VALUES (?, ?)", (ref, said))
    if scope["path"] == "/call":
        calls.add(task := asyncio.create_task(call(ref)))
        task.add_done_callback(calls.discard)
    await send({"type": "http.response.start", "status": 302, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
"""


def asgi() -> list[str]:
    return [sys.executable, "-c", _ASGI + _SERVE]


def fastapi() -> list[str]:
    return [sys.executable, "-c", _FASTAPI + _SERVE]


def ceiling(secret: str, callback: str, file: str) -> list[str]:
    """`callback` is the merchant's address without a query. It calls back what comes to /call."""
    return [sys.executable, "-c", _CEILING + _SERVE, secret, callback, file]
