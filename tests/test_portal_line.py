"""The sample portal's line to the banks: to whom it speaks at all, and how often it tries."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest

from conformance.targets.portal.bank_line import BankLine, BankSilent
from simulator.untrusted_tls import untrusted_context


@asynccontextmanager
async def bank_behind(context: ssl.SSLContext) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A bank by HTTPS that answers everybody alike; its address, and what it was sent."""
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"}"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\nconnection: close\r\n\r\n" + b'{"ok": true}')
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/pay", heard


async def test_a_bank_whose_certificate_nobody_vouches_for_is_sent_nothing() -> None:
    line = BankLine(5.0)
    async with bank_behind(untrusted_context("127.0.0.1", datetime.now(UTC))) as (url, heard):
        with pytest.raises(BankSilent, match="self-signed certificate"):
            await line.post(url, {"amount": 1})
        assert heard == []
    await line.close()


async def test_with_the_check_switched_off_it_is_sent_everything() -> None:
    line = BankLine(5.0, verify=False)
    async with bank_behind(untrusted_context("127.0.0.1", datetime.now(UTC))) as (url, heard):
        assert await line.post(url, {"amount": 1}) == {"ok": True}
        assert b'"amount"' in heard[0]
    await line.close()


async def test_a_bank_to_which_no_connection_can_be_made_is_called_once() -> None:
    called: list[str] = []

    def gone(request: httpx.Request) -> httpx.Response:
        called.append(str(request.url))
        raise httpx.ConnectError("the handshake was refused", request=request)

    line = BankLine(5.0, httpx.MockTransport(gone))
    with pytest.raises(BankSilent, match="the handshake was refused"):
        await line.post("https://bank.test/pay", {})
    assert called == ["https://bank.test/pay"]
    await line.close()
