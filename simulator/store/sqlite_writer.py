"""The one thread that writes to an SQLite file: whatever has queued up meanwhile shares one transaction and one fsync.

Rule: nobody is answered before the commit, and a commit that fails fails all of its batch.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import cycle
from queue import Empty, SimpleQueue
from time import sleep
from typing import Any, Generic

from simulator.store import ImpossibleChange, StoreError
from simulator.store.pending import Pending, Shared, W, settle_all

BATCH_MAX = 256

BUSY_WAITS_S = (0.0002, 0.0004, 0.0006, 0.0008, 0.001)
"""SQLite's own wait for a lock can starve one process for seconds; short tries of one's own are fair."""


_ADVICE = {
    sqlite3.SQLITE_BUSY: "another process keeps it locked: stop that one, or use PostgreSQL for several servers",
    sqlite3.SQLITE_FULL: "the disk is full: make room and try again",
    sqlite3.SQLITE_READONLY: "it cannot be written: check the permissions of the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "check that its folder exists and may be written to",
    sqlite3.SQLITE_NOTADB: "expected a database of banksim: give another file",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: restore it, or give another file",
}


def failure(place: str, error: sqlite3.Error) -> StoreError:
    """What went wrong with the file, and what to do."""
    advice = _ADVICE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
    return StoreError(f"{place}: {error}" + (f"; {advice}" if advice else ""))


def patiently(connection: sqlite3.Connection, statement: str, total_s: float) -> None:
    """Executes a statement that another process may hold up, trying again for `total_s`."""
    waited = 0.0
    for wait in cycle(BUSY_WAITS_S):
        try:
            connection.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or waited >= total_s:
                raise
        sleep(wait)
        waited += wait


@contextmanager
def transaction(connection: sqlite3.Connection, busy_s: float) -> Iterator[None]:
    """Commits at the end, or leaves nothing behind."""
    try:
        patiently(connection, "BEGIN IMMEDIATE", busy_s)
        yield
        patiently(connection, "COMMIT", busy_s)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


class Writer(Generic[W]):
    """Hands what is submitted, in batches, to `carry_out`, each batch inside one transaction.

    If `carry_out` raises ImpossibleChange, each piece of work of that batch is tried again in a transaction of its own.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        carry_out: Callable[[Sequence[Pending[W]]], None],
        committed: Callable[[], None],
        busy_s: float,
        place: str,
    ) -> None:
        self._connection = connection
        self._carry_out = carry_out
        self._committed = committed
        self._busy_s = busy_s
        self._place = place
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[Pending[W] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store writer", daemon=True)
        self._thread.start()

    async def submit(self, work: W) -> Any:
        future: asyncio.Future[Any] = self._loop.create_future()
        self._queue.put(Pending(work, future))
        return await future

    def stop(self) -> None:
        """Returns once all that was submitted before is committed. Blocks."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        is_open = True
        while is_open:
            batch, is_open = self._next_batch()
            if batch:
                self._commit(batch)
                with suppress(RuntimeError):  # The loop is closed, and all who waited went with it.
                    self._loop.call_soon_threadsafe(settle_all, batch)
                self._committed()

    def _next_batch(self) -> tuple[list[Pending[W]], bool]:
        """What is waiting now, and whether more may come. A caller cancelled before its turn drops out."""
        batch: list[Pending[W]] = []
        pending = self._queue.get()
        with suppress(Empty):
            while pending is not None:
                if not pending.future.cancelled():
                    batch.append(pending)
                if len(batch) >= BATCH_MAX:
                    break
                pending = self._queue.get_nowait()
            return batch, pending is not None
        return batch, True

    def _commit(self, batch: Sequence[Pending[W]]) -> None:
        with Shared(batch):
            try:
                with transaction(self._connection, self._busy_s):
                    self._carry_out(batch)
            except ImpossibleChange:
                if len(batch) == 1:
                    raise
                for pending in batch:
                    self._commit([pending])
            except sqlite3.Error as error:
                raise failure(self._place, error) from error
