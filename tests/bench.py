"""The benchmark: how much work banksim does for a payment, beside a bare ASGI and a bare FastAPI endpoint in one run.

Run it with `make bench`. Trust the ratios, not the rates: load and server share this machine's processors.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast

import uvloop

from simulator.client import Banksim

CONNECTIONS = 32
SECRET = "SIMULATORSECRETKEY0123456789ABCD"
MERCHANT = "DEMOV210"

BARE_ASGI = """
import uvicorn
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 302, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
"""
BARE_FASTAPI = """
import uvicorn
from fastapi import FastAPI, Request, Response
app = FastAPI()
@app.get("/vnpay/paymentv2/vpcpay.html")
async def pay(request: Request):
    return Response(status_code=302)
"""


class Connection(asyncio.Protocol):
    """A keep-alive HTTP/1.1 client for one request at a time that does as little as possible itself."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lowered = head.lower()
        start = lowered.find(b"content-length:")
        length = int(lowered[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        if self._answer is not None:
            answer, self._answer = self._answer, None
            answer.set_result((int(head[9:12]), rest[:length]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("closed by the server"))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        assert self.transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._answer


class Acknowledger(asyncio.Protocol):
    """The merchant: answers every callback with RspCode 00 and tells who waits for it."""

    waiting: ClassVar[dict[bytes, "asyncio.Future[None]"]] = {}
    answered = 0
    ANSWER = b'{"RspCode":"00","Message":"Confirm Success"}'
    HTTP = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            self.transport.write(self.HTTP)
            Acknowledger.answered += 1
            start = head.find(b"vnp_TxnRef=")
            ref = head[start + 11 :].split(b"&", 1)[0].split(b" ", 1)[0]
            waiter = self.waiting.pop(ref, None)
            if waiter is not None and not waiter.done():
                waiter.set_result(None)


@dataclass(frozen=True, slots=True)
class Measured:
    per_s: float
    cpu_us: float


def pay_request(ref: str) -> bytes:
    fields = {
        "vnp_Amount": "2000000",
        "vnp_Command": "pay",
        "vnp_CreateDate": "20261122100000",
        "vnp_CurrCode": "VND",
        "vnp_IpAddr": "127.0.0.1",
        "vnp_Locale": "vn",
        "vnp_OrderInfo": "Nop le phi ho so",
        "vnp_OrderType": "other",
        "vnp_ReturnUrl": "http://127.0.0.1:9/return",
        "vnp_TmnCode": MERCHANT,
        "vnp_TxnRef": ref,
        "vnp_Version": "2.1.0",
    }
    query = urllib.parse.urlencode(sorted(fields.items()))
    signature = hmac.digest(SECRET.encode(), query.encode(), "sha512").hex()
    return (
        f"GET /vnpay/paymentv2/vpcpay.html?{query}&vnp_SecureHash={signature} HTTP/1.1\r\nhost: bench\r\n\r\n".encode()
    )


def query_request(ref: str) -> bytes:
    parts = (f"Q{ref}", "2.1.0", "querydr", MERCHANT, ref, "20261122100000", "20261122100500", "127.0.0.1", "Truy van")
    names = (
        "RequestId",
        "Version",
        "Command",
        "TmnCode",
        "TxnRef",
        "TransactionDate",
        "CreateDate",
        "IpAddr",
        "OrderInfo",
    )
    signature = hmac.digest(SECRET.encode(), "|".join(parts).encode(), "sha512").hex()
    fields = {f"vnp_{name}": value for name, value in zip(names, parts, strict=True)}
    return post("/vnpay/merchant_webapi/api/transaction", {**fields, "vnp_SecureHash": signature})


def post(path: str, value: object) -> bytes:
    body = json.dumps(value, separators=(",", ":")).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def payment_id(answer: tuple[int, bytes], ids: dict[str, str], ref: str, seed: str) -> str:
    """The id of a payment follows from the seed (see `World.token`), so the bench need not read the redirect."""
    order_key = f"{ref}|20261122"
    text = "\x1f".join((seed, "payment", "vnpay", MERCHANT, order_key))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(port: int, pid: int, count: int, work: Callable[[Connection, int], Awaitable[None]]) -> Measured:
    loop = asyncio.get_running_loop()
    connections = [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(CONNECTIONS)]
    numbers = iter(range(count))

    async def run(connection: Connection) -> None:
        for number in numbers:
            await work(connection, number)

    before, start = cpu_s(pid), loop.time()
    await asyncio.gather(*(run(connection) for connection in connections))
    elapsed, cpu = loop.time() - start, cpu_s(pid) - before
    for connection in connections:
        assert connection.transport is not None
        connection.transport.close()
    return Measured(count / elapsed, cpu / count * 1e6)


@contextmanager
def serving(command: list[str], ready: str) -> Iterator[tuple[int, int]]:
    """A child server: (its port, its process id)."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        line = next(line for line in child.stdout if line.startswith(ready))
        yield int(line.rsplit(":", 1)[1]), child.pid
    finally:
        child.terminate()
        child.wait(10)
        child.stdout.close()


def bare(source: str) -> list[str]:
    serve = """
import asyncio, socket
sock = socket.socket(); sock.bind(("127.0.0.1", 0)); sock.listen(512)
print("ready:%d" % sock.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run([sock])
"""
    return [sys.executable, "-c", source + serve]


async def bare_round(source: str, count: int) -> Measured:
    with serving(bare(source), "ready:") as (port, pid):

        async def ask(connection: Connection, number: int) -> None:
            status, _ = await connection.ask(pay_request(f"B{number}"))
            assert status == 302

        return await measure(port, pid, count, ask)


async def banksim_round(count: int, store: str | None) -> dict[str, Measured]:
    with tempfile.TemporaryDirectory() as folder:
        url = store or f"{folder}/bench.db"
        command = [sys.executable, "-m", "simulator", "serve", "--port", "0", "--store", url, "--seed", "bench"]
        with serving(command, "banksim ready at") as (port, pid):
            loop = asyncio.get_running_loop()
            merchant = await loop.create_server(Acknowledger, "127.0.0.1", 0)
            callback = f"http://127.0.0.1:{merchant.sockets[0].getsockname()[1]}/ipn"

            def register() -> None:
                with Banksim(f"http://127.0.0.1:{port}") as banksim:
                    banksim.sandbox().set_merchant("vnpay", MERCHANT, callback_url=callback)

            await asyncio.to_thread(register)
            run = os.urandom(3).hex()
            approve = "/_control/sandboxes/default/payments/{}/events"

            async def create(connection: Connection, number: int) -> None:
                status, _ = await connection.ask(pay_request(f"C{run}{number}"))
                assert status == 302, status

            async def settle(connection: Connection, number: int, prefix: str = "D") -> None:
                ref = f"{prefix}{run}{number}"
                answer = await connection.ask(pay_request(ref))
                told = Acknowledger.waiting[ref.encode()] = loop.create_future()
                path = approve.format(payment_id(answer, {}, ref, "bench"))
                status, body = await connection.ask(post(path, {"event": "approve"}))
                assert status == 200, body
                await told

            async def whole(connection: Connection, number: int) -> None:
                await settle(connection, number, "W")
                status, body = await connection.ask(query_request(f"W{run}{number}"))
                assert status == 200, status
                assert b'"vnp_TransactionStatus":"00"' in body, body

            results = {
                "create": await measure(port, pid, count, create),
                "create + approve + callback acknowledged": await measure(port, pid, count // 2, settle),
                "whole payment (and a status query)": await measure(port, pid, count // 2, whole),
            }
            merchant.close()
            return results


def table(rows: dict[str, list[Measured]]) -> str:
    base = statistics.median(m.cpu_us for m in rows["bare ASGI endpoint"])
    lines = [f"{'work':<46}{'per second':>12}{'CPU us':>10}{'x bare ASGI':>13}"]
    for name, measured in rows.items():
        rate = statistics.median(m.per_s for m in measured)
        cpu = statistics.median(m.cpu_us for m in measured)
        lines.append(f"{name:<46}{rate:>12,.0f}{cpu:>10,.0f}{cpu / base:>13.1f}")
    return "\n".join(lines)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="interleaved runs; medians are printed")
    parser.add_argument("--count", type=int, default=8000, help="requests of the create phase")
    parser.add_argument("--store", help="a PostgreSQL URL; default: a fresh SQLite file")
    args = parser.parse_args()
    rows: dict[str, list[Measured]] = {"bare ASGI endpoint": [], "bare FastAPI endpoint": []}
    for _ in range(args.runs):
        rows["bare ASGI endpoint"].append(await bare_round(BARE_ASGI, args.count))
        rows["bare FastAPI endpoint"].append(await bare_round(BARE_FASTAPI, args.count))
        for name, measured in (await banksim_round(args.count, args.store)).items():
            rows.setdefault(name, []).append(measured)
    print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} processors,")
    print(f"{CONNECTIONS} connections from the same machine, medians of {args.runs} interleaved runs")
    print(table(rows))


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(main())
