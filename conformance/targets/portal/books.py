"""The portal's books on disk: one SQLite file, and transactions that either happen whole or not at all.

Rule: a writer holds the file from its first look to its last word (BEGIN IMMEDIATE), and what was committed
survives a power cut (synchronous FULL).
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from queue import Empty, SimpleQueue

from conformance.targets.portal.entries import Entries

_WAIT_S = 30.0
"""How long a transaction waits for another process's."""


class Books:
    """Safe to use from several threads and processes at once. Creates the file if there is none."""

    def __init__(self, path: Path) -> None:
        self.out_of_order = False
        """For tests: nothing can be read or written, as if the disk were gone."""
        self._path = path
        self._writers = threading.Lock()
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        schema = files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")
        with self._connection() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(schema)

    @contextmanager
    def writing(self) -> Iterator[Entries]:
        """One transaction: committed at the end, rolled back if anything is raised."""
        self._check_order()
        with self._writers, self._connection() as connection, _transaction(connection, "BEGIN IMMEDIATE"):
            yield Entries(connection)

    @contextmanager
    def reading(self) -> Iterator[Entries]:
        """One unchanging view of the books."""
        self._check_order()
        with self._connection() as connection, _transaction(connection, "BEGIN"):
            yield Entries(connection)

    def close(self) -> None:
        """When nobody uses them any more."""
        while not self._idle.empty():
            self._idle.get().close()

    def _check_order(self) -> None:
        if self.out_of_order:
            raise sqlite3.OperationalError("the books are out of order, as a test wants them")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """For one thread at a time. Kept open afterwards: the last one to close writes the whole log back."""
        try:
            connection = self._idle.get_nowait()
        except Empty:
            connection = self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._idle.put(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
