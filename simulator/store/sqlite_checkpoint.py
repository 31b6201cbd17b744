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

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._changes = 0
        self._log_pages = 0
        self._is_stopping = False
        self._wanted = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store checkpoint", daemon=True)
        self._thread.start()

    def committed(self, writer: sqlite3.Connection) -> None:
        if writer.total_changes - self._changes < ROWS_BETWEEN:
            return
        self._changes = writer.total_changes
        if self._log_pages > LOG_PAGES_MAX:
            self._log_pages = _checkpoint(writer)
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
            self._log_pages = _checkpoint(self._connection)


def _checkpoint(connection: sqlite3.Connection) -> int:
    """How many pages the log still holds back: 0 once the writer can begin it anew."""
    with suppress(sqlite3.OperationalError):  # Another process checkpoints, or the disk is full: the log keeps all.
        _, log, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return 0 if log == copied else int(log)
    return 0
