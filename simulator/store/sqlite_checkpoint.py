"""Brings SQLite's write-ahead log into the database file beside the writer, so that no commit waits for it."""

import sqlite3
import threading
from contextlib import suppress

ROWS_BETWEEN = 2_000
"""A checkpoint is worth its fsyncs after so many changed rows."""

LOG_PAGES_MAX = 16_384
"""A log this long (64 MB) that never empties, because the writer never pauses, makes the writer pause."""


class Checkpointer:
    """Owns `connection`. `committed` is called by the writer, after each commit, with the writer's connection."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        rows_between: int = ROWS_BETWEEN,
        log_pages_max: int = LOG_PAGES_MAX,
    ) -> None:
        self._connection = connection
        self._rows_between = rows_between
        self._log_pages_max = log_pages_max
        self._changes = 0
        self._log_pages = 0
        self._is_stopping = False
        self._wanted = threading.Event()
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="store checkpoint", daemon=True)
        self._thread.start()

    def committed(self, writer: sqlite3.Connection) -> None:
        if writer.total_changes - self._changes < self._rows_between:
            return
        self._changes = writer.total_changes
        if self._log_pages > self._log_pages_max:
            with self._turn:
                done = _checkpoint(writer)
                if done is not None and done[0] == done[1]:  # Nobody writes now: the next transaction begins it anew.
                    self._log_pages = 0
        self._wanted.set()

    def stop(self) -> None:
        """Blocks until a checkpoint under way is done."""
        self._is_stopping = True
        self._wanted.set()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while self._wanted.wait() and not self._is_stopping:
            self._wanted.clear()
            with self._turn:
                done = _checkpoint(self._connection)
                if done is not None:
                    self._log_pages = done[0]


def _checkpoint(connection: sqlite3.Connection) -> tuple[int, int] | None:
    """(pages in the log, how many of them are copied); None if another process is at it or the disk is full."""
    with suppress(sqlite3.Error):
        is_busy, log, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if not is_busy:
            return log, copied
    return None
