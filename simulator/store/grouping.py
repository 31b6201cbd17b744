"""Work of one event loop in batches: what comes while all hands are busy waits, and shares the next transaction."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Generic

from simulator.store.pending import Pending, Shared, W, settle_all

BATCH_MAX = 256


class Grouping(Generic[W]):
    """At most `width` batches are under way at a time. `carry_out` answers each of its batch, or raises for all."""

    def __init__(self, carry_out: Callable[[list[Pending[W]]], Awaitable[None]], width: int) -> None:
        self._carry_out = carry_out
        self._width = width
        self._waiting: deque[Pending[W]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = 0

    async def submit(self, work: W) -> Any:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(Pending(work, future))
        if self._running < self._width:
            self._running += 1
            task = asyncio.create_task(self._run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def drain(self) -> None:
        """Returns once all that was submitted is answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = self._next_batch()
                with Shared(batch):
                    await self._carry_out(batch)
                settle_all(batch)
        finally:
            self._running -= 1  # In the same breath as the last look at what waits: nobody may slip in between.

    def _next_batch(self) -> list[Pending[W]]:
        """A caller cancelled before its turn drops out."""
        batch: list[Pending[W]] = []
        while self._waiting and len(batch) < BATCH_MAX:
            pending = self._waiting.popleft()
            if not pending.future.cancelled():
                batch.append(pending)
        return batch
