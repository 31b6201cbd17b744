"""Calls by aiohttp: TLS, user names in addresses, host names that are not ASCII."""

import aiohttp
import yarl

from simulator.wire import ANSWER_BYTES_MAX, Answer, Outgoing


class FullCaller:
    """Make it inside the event loop that uses it."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("user-agent", "accept", "accept-encoding", "content-type"),
        )

    async def call(self, outgoing: Outgoing, timeout_s: float) -> Answer:
        """The answer, or one with an `error` and status 0."""
        try:
            async with self._session.request(
                outgoing.method,
                yarl.URL(outgoing.url, encoded=True),
                headers=outgoing.headers,
                data=outgoing.body or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
            ) as response:
                body = await _bounded(response.content)
                return Answer(response.status, tuple(response.headers.items()), body)
        except TimeoutError:
            return Answer(error=f"no answer within {timeout_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(error=f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        await self._session.close()


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    """At most ANSWER_BYTES_MAX of the body: a huge answer must not fill the bank's memory."""
    kept = bytearray()
    while len(kept) < ANSWER_BYTES_MAX:
        chunk = await content.read(ANSWER_BYTES_MAX - len(kept))
        if not chunk:
            break
        kept += chunk
    return bytes(kept)
