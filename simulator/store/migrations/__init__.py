"""The database's shape as numbered SQL files, one folder a store; a file once released is never changed."""

from dataclasses import dataclass
from importlib.resources import files

from simulator.store import StoreError

MOMENTS = 5
"""The version from which on payments are found by moments: those that are there already are entered then."""

BANK_COUNTERS = 7
"""The version from which on payments are counted by bank: those that are there already are counted then."""

APPLICATION = "banksim"
"""Stands in the table `schema_version`, so that another program's database is never touched."""


@dataclass(frozen=True, slots=True)
class Migration:
    """`script` brings a database from version - 1 to `version`."""

    version: int
    script: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a database says of itself; `application` is "" when it does not say whose it is."""

    has_tables: bool
    application: str = ""
    version: int = 0


def released(store: str) -> tuple[Migration, ...]:
    """All migrations of "sqlite" or "postgres", oldest first. The number is the file's first four digits."""
    scripts = [file for file in files(__name__).joinpath(store).iterdir() if file.name.endswith(".sql")]
    return tuple(
        Migration(int(file.name[:4]), file.read_text(encoding="utf-8"))
        for file in sorted(scripts, key=lambda file: file.name)
    )


def owed(place: str, found: Found, known: tuple[Migration, ...]) -> tuple[Migration, ...]:
    """Those that the database at `place` still needs. Raises StoreError if it is not ours or newer than `known`."""
    newest = known[-1].version
    if found.has_tables and found.application != APPLICATION:
        raise StoreError(
            f"{place}: belongs to another application: found {found.application or 'no name'}, "
            f"expected {APPLICATION} with schema version {newest} or older. Give another database."
        )
    if found.version > newest:
        raise StoreError(
            f"{place}: found schema version {found.version}, expected {newest} or older. "
            "A newer banksim wrote it: start that one, or give another database."
        )
    return tuple(migration for migration in known if migration.version > found.version)
