"""What crosses the wire in a benchmark, by hand: a client and a merchant that cost as little as they can."""

import asyncio
import hashlib
import hmac
import json
import urllib.parse
from typing import ClassVar, cast

SECRET = "SIMULATORSECRETKEY0123456789ABCD"
MERCHANT = "DEMOV210"
SEED = "bench"
LAST_CHUNK = b"0\r\n\r\n"
ANSWER_S = 60.0
PAY = "/vnpay/paymentv2/vpcpay.html"


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
        if start >= 0:
            length = int(lowered[start + 15 :].split(b"\r\n", 1)[0])
        else:  # Some peers send what they have in chunks; the last one is empty.
            is_chunked = b"transfer-encoding: chunked" in lowered
            if is_chunked and LAST_CHUNK not in rest:
                return
            length = rest.find(LAST_CHUNK) + len(LAST_CHUNK) if is_chunked else 0
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
        return await asyncio.wait_for(self._answer, ANSWER_S)


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


def pay_request(ref: str, path: str = PAY) -> bytes:
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
    return f"GET {path}?{query}&vnp_SecureHash={signature} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()


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


def payment_id(ref: str) -> str:
    """The id of a payment follows from the seed (see `World.token`), so the bench need not read the redirect."""
    order_key = f"{ref}|20261122"
    text = "\x1f".join((SEED, "payment", "vnpay", MERCHANT, order_key))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
