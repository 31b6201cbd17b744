"""Calls connectors over HTTP: redirects are not followed, and an answer is bounded in size and in time."""

from typing import TYPE_CHECKING, Protocol

from simulator.calling.plain import PlainCaller, is_plain
from simulator.wire import Answer, Outgoing

if TYPE_CHECKING:
    from simulator.calling.full import FullCaller


class Calls(Protocol):
    """Whoever brings a bank's message to a connector."""

    async def call(self, outgoing: Outgoing, timeout_s: float) -> Answer: ...

    async def close(self) -> None: ...


class Caller:
    """Plain HTTP by the small client beside this file; TLS and all unusual addresses by aiohttp.

    Use it inside one event loop; `close` it there.
    """

    def __init__(self) -> None:
        self._plain = PlainCaller()
        self._full: FullCaller | None = None

    async def call(self, outgoing: Outgoing, timeout_s: float) -> Answer:
        """The answer, or one with an `error` and status 0: nothing that the other side does is an exception here."""
        if is_plain(outgoing.url):
            return await self._plain.call(outgoing, timeout_s)
        if self._full is None:
            from simulator.calling.full import FullCaller  # A third of the server's start, and few need it.

            self._full = FullCaller()
        return await self._full.call(outgoing, timeout_s)

    async def close(self) -> None:
        self._plain.close()
        if self._full is not None:
            await self._full.close()
