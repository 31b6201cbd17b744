"""Facts about the listener that wants no TLS."""

import asyncio
import socket
import ssl

import pytest

from simulator.refusing_tls import refuse_tls


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_every_handshake_ends_with_an_alert(version: ssl.TLSVersion) -> None:
    server = await refuse_tls(socket.create_server(("127.0.0.1", 0)))
    async with server:
        port = server.sockets[0].getsockname()[1]
        context = ssl.create_default_context()
        context.minimum_version = context.maximum_version = version
        for _ in range(3):
            with pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"):
                await asyncio.open_connection("127.0.0.1", port, ssl=context)


async def test_who_says_nothing_and_goes_is_let_go() -> None:
    server = await refuse_tls(socket.create_server(("127.0.0.1", 0)))
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write_eof()
        assert len(await reader.read()) == 7
        writer.close()
        await writer.wait_closed()
