"""Opens a store's SQLite file and brings it to this program's schema, or says why not and leaves it untouched."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from simulator.store import StoreError
from simulator.store.migrations import APPLICATION, BANK_COUNTERS, MOMENTS, Found, Migration, owed
from simulator.store.sqlite_statements import count_by_bank, enter_moments
from simulator.store.sqlite_transactions import failure, patiently, transaction

OLDEST_SQLITE = (3, 37, 0)
"""The first with strict tables."""

SETTINGS = ("synchronous = FULL", "wal_autocheckpoint = 0", "temp_store = MEMORY", "cache_size = -65536")


def connect(path: Path, mode: str, busy_s: float) -> sqlite3.Connection:
    """`mode` is "ro", "rw" or "rwc" (created if absent). Raises StoreError. Begins no transaction of its own.

    Readers wait for locks as SQLite does: only writers would starve each other so.
    """
    timeout_s = busy_s if mode == "ro" else 0
    address = f"{path.absolute().as_uri()}?mode={mode}"
    try:
        connection = sqlite3.connect(
            address, uri=True, timeout=timeout_s, isolation_level=None, check_same_thread=False
        )
        for setting in SETTINGS:
            patiently(connection, f"PRAGMA {setting}", busy_s)
    except sqlite3.Error as error:
        raise failure(str(path), error) from error
    return connection


def prepare(path: Path, known: tuple[Migration, ...], busy_s: float) -> sqlite3.Connection:
    """A connection for writing. Raises StoreError naming the file, what was found and what was expected."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(str(part) for part in OLDEST_SQLITE)
        raise StoreError(f"this Python has SQLite {sqlite3.sqlite_version}, and {oldest} or newer is needed")
    connection = connect(path, "rwc", busy_s)
    is_ready = False
    try:
        # It counts only while the file is empty: an older one goes on using its free pages again, and stays as long.
        patiently(connection, "PRAGMA auto_vacuum = INCREMENTAL", busy_s)
        with transaction(connection, busy_s):
            _migrate(connection, str(path), known)
        patiently(connection, "PRAGMA journal_mode = WAL", busy_s)
        is_ready = True
    except sqlite3.Error as error:
        raise failure(str(path), error) from error
    finally:
        if not is_ready:
            connection.close()
    return connection


def _migrate(connection: sqlite3.Connection, place: str, known: tuple[Migration, ...]) -> None:
    steps = owed(place, _found(connection), known)
    for step in steps:
        for statement in _statements(step.script):
            connection.execute(statement)
        if step.version == MOMENTS:
            enter_moments(connection)
        if step.version == BANK_COUNTERS:
            count_by_bank(connection)
    if steps:
        connection.execute("DELETE FROM schema_version")
        connection.execute("INSERT INTO schema_version VALUES (?, ?)", (APPLICATION, steps[-1].version))


def _found(connection: sqlite3.Connection) -> Found:
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if "schema_version" not in names:
        return Found(has_tables=bool(names))
    columns = [row[1] for row in connection.execute("PRAGMA table_info(schema_version)")]
    if columns != ["application", "version"]:
        return Found(has_tables=True)
    row = connection.execute("SELECT application, version FROM schema_version").fetchone()
    return Found(True, *row) if row else Found(has_tables=True)


def _statements(script: str) -> Iterator[str]:
    """One by one, because the library's own way of running a script commits first."""
    gathered = ""
    for line in script.splitlines(keepends=True):
        gathered += line
        if sqlite3.complete_statement(gathered):
            yield gathered
            gathered = ""
    if gathered.strip():
        yield gathered
