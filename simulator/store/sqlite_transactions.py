"""Transactions on an SQLite file: the statements run in the event loop, whatever waits runs in a thread.

Rule: nobody is answered before the commit. A statement takes microseconds, and in a thread of its own it would give
the interpreter lock away and have to win it back; a commit waits for the disk, and another process's lock for longer.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from time import sleep

from simulator.store import StoreError

_BEGIN = "BEGIN IMMEDIATE"

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


def _is_busy(error: sqlite3.Error) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def patiently(connection: sqlite3.Connection, statement: str, total_s: float) -> None:
    """Executes a statement that another process may hold up, trying again for `total_s`."""
    waited = 0.0
    for wait in cycle(BUSY_WAITS_S):
        try:
            connection.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or waited >= total_s:
                raise
        sleep(wait)
        waited += wait


@contextmanager
def transaction(connection: sqlite3.Connection, busy_s: float) -> Iterator[None]:
    """Commits at the end, or leaves nothing behind."""
    try:
        patiently(connection, _BEGIN, busy_s)
        yield
        patiently(connection, "COMMIT", busy_s)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


class Transactions:
    """Owns `connection` for writing. `committed` is called in the thread, after each commit."""

    def __init__(self, connection: sqlite3.Connection, committed: Callable[[], None], busy_s: float) -> None:
        self._connection = connection
        self._committed = committed
        self._busy_s = busy_s
        self._thread = ThreadPoolExecutor(1, "store commits")

    async def run(self, work: Callable[[], None]) -> None:
        """Returns once what `work` wrote is committed; if it raises, nothing is. One at a time."""
        loop = asyncio.get_running_loop()
        try:
            self._connection.execute(_BEGIN)
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                raise
            await loop.run_in_executor(self._thread, patiently, self._connection, _BEGIN, self._busy_s)
        try:
            work()
        except BaseException:
            self._leave()
            raise
        await loop.run_in_executor(self._thread, self._commit)

    def close(self) -> None:
        """Blocks until a commit under way is done."""
        self._thread.shutdown()

    def _commit(self) -> None:
        try:
            patiently(self._connection, "COMMIT", self._busy_s)
        finally:
            self._leave()
        self._committed()

    def _leave(self) -> None:
        """Nothing is left behind: some errors end a transaction themselves, others do not."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
