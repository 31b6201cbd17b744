"""Removes what ended long ago, a little at a time, so that a server may run for months on one disk.

Rule: a round is one short transaction, and after it the process does something else for at least as long.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar

from simulator.store import Removed, StoreError, UnknownSandbox
from simulator.world import Worlds

log = logging.getLogger(__name__)

T = TypeVar("T")

SWEEP_MAX_S = 60.0
SWEEP_MIN_S = 0.5
"""How long it waits from one look at all sandboxes to the next: a tenth of the age kept, within these."""

PAUSE_S = 0.005
STORE_RETRY_S = 5.0


class Remove(Protocol):
    """One round of the store's."""

    def __call__(self, sandbox: str, before: datetime, *, after: int) -> Awaitable[Removed]: ...


class Retention:
    """Of sandboxes on the system clock, what ended longer than `keep` ago."""

    def __init__(self, worlds: Worlds, keep: timedelta) -> None:
        self._worlds = worlds
        self._keep = keep

    async def run(self) -> None:
        """For ever."""
        rest_s = min(SWEEP_MAX_S, max(SWEEP_MIN_S, self._keep.total_seconds() / 10))
        while True:
            try:
                await self.sweep()
                await asyncio.sleep(rest_s)
            except StoreError as error:
                log.error("the store cannot be used, what is old stays for now: %s", error)
                await asyncio.sleep(STORE_RETRY_S)

    async def sweep(self) -> None:
        """Once over all sandboxes. Raises StoreError."""
        store, before = self._worlds.store, self._worlds.clock() - self._keep
        for sandbox in await store.sandboxes():
            if sandbox.clock_at is not None:
                continue
            try:
                payments = await _removed(store.remove_payments, sandbox.name, before)
                exchanges = await _removed(store.remove_exchanges, sandbox.name, before)
                letters = await _removed(store.remove_letters, sandbox.name, before)
            except UnknownSandbox:
                continue  # It was dropped meanwhile.
            if payments or exchanges or letters:
                told = "removed for their age: %d payments with their journal, %d other entries of it, %d letters"
                log.info(told, payments, exchanges, letters, extra={"sandbox": sandbox.name})
        while await _at_ease(store.give_back):
            continue


async def _removed(remove: Remove, sandbox: str, before: datetime) -> int:
    """How many, over all rounds."""
    count, after = 0, 0
    while True:
        removed = await _at_ease(partial(remove, sandbox, before, after=after))
        count += removed.count
        if removed.after is None:
            return count
        after = removed.after


async def _at_ease(round_of: Callable[[], Awaitable[T]]) -> T:
    """What it answers, after a pause as long as it took."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    answer = await round_of()
    await asyncio.sleep(max(PAUSE_S, loop.time() - begun))
    return answer
