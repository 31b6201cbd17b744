"""Which store an address names: a file is SQLite, postgresql:// is PostgreSQL, and only that one's driver is loaded."""

from urllib.parse import urlsplit

from simulator.clock import Clock
from simulator.store import Store, StoreError


def open_store(url: str, clock: Clock) -> Store:
    """The store, not yet open. Raises StoreError for an address that names none.

    "banksim.db" and "sqlite:///banksim.db" are relative to the working folder, "sqlite:////var/banksim.db" is absolute.
    """
    if is_shared(url):
        from simulator.store.postgres import PostgresStore

        return PostgresStore(url, clock)
    path = url.removeprefix("sqlite:///")
    if not path or ":memory:" in path or "://" in path:
        raise StoreError(f"{url!r} names no store: give a file, sqlite:///FILE, or postgresql://HOST/DATABASE")
    from simulator.store.sqlite import SqliteStore

    return SqliteStore(path, clock)


def is_shared(url: str) -> bool:
    """Whether it is made for servers on several machines."""
    return urlsplit(url).scheme in ("postgresql", "postgres")
