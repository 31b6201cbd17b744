"""A listener that ends every TLS handshake with an alert, as a bank does whose certificate or protocol is not wanted.

Rule: what comes is not read beyond its first bytes, and nobody is answered with anything but the alert.
"""

import asyncio
import socket

ALERT = bytes((21, 3, 3, 0, 2, 2, 40))
"""A TLS record: alert, version 1.2, two bytes: fatal, handshake_failure (RFC 5246 section 7.2)."""

HELLO_MAX = 4096
HELLO_S = 10.0


async def refuse_tls(listener: socket.socket) -> asyncio.Server:
    """Serves who comes to that bound socket, until it is closed."""
    return await asyncio.start_server(_refuse, sock=listener)


async def _refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(HELLO_S):
            await reader.read(HELLO_MAX)
        writer.write(ALERT)
        await writer.drain()
    except (OSError, TimeoutError):
        return
    finally:
        writer.close()
