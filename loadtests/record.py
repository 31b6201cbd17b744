"""What a run leaves: payers' journeys, response times by the second, and what went wrong when, in one SQLite file.

Rule: one process writes it, the one that leads the run; audit and report read it, a row at a time.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from loadtests.percentiles import percentile

SCHEMA = """
CREATE TABLE journeys (
    dossier_code TEXT PRIMARY KEY, bank TEXT NOT NULL, method TEXT NOT NULL, amount_vnd INTEGER NOT NULL,
    began REAL NOT NULL, order_ref TEXT NOT NULL, payment_id TEXT NOT NULL, paid REAL NOT NULL,
    seen_paid REAL NOT NULL, ended TEXT NOT NULL
) STRICT;
CREATE TABLE windows (
    at REAL NOT NULL, name TEXT NOT NULL, requests INTEGER NOT NULL, failures INTEGER NOT NULL, p50_ms REAL NOT NULL,
    p95_ms REAL NOT NULL, p99_ms REAL NOT NULL, max_ms REAL NOT NULL, PRIMARY KEY (at, name)
) STRICT;
CREATE TABLE happenings (
    at REAL NOT NULL, until REAL NOT NULL, en TEXT NOT NULL, vi TEXT NOT NULL
) STRICT;
CREATE TABLE interims (
    at REAL NOT NULL, dossiers INTEGER NOT NULL, wrong INTEGER NOT NULL, said TEXT NOT NULL
) STRICT;
CREATE TABLE times (
    name TEXT NOT NULL, ms INTEGER NOT NULL, requests INTEGER NOT NULL, PRIMARY KEY (name, ms)
) STRICT;
CREATE TABLE failures (name TEXT NOT NULL, why TEXT NOT NULL, requests INTEGER NOT NULL) STRICT;
CREATE TABLE figures (name TEXT PRIMARY KEY, value REAL NOT NULL) STRICT;
"""

JOURNEY_INDEXES = """
CREATE INDEX IF NOT EXISTS journeys_by_payment ON journeys (payment_id);
CREATE INDEX IF NOT EXISTS journeys_by_order ON journeys (bank, order_ref);
"""
"""Made when journeys are first looked up: until then they would only cost whoever writes them."""


class Journey(msgspec.Struct, kw_only=True, array_like=True):
    """One payer's way. Times are in seconds since 1970, 0 = it never came so far; `ended` says why it ended."""

    dossier_code: str
    bank: str
    method: str
    amount_vnd: int
    began: float
    order_ref: str = ""
    payment_id: str = ""
    paid: float = 0.0
    seen_paid: float = 0.0
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """Some seconds of one kind of request. `at` is when they ended, in seconds since 1970."""

    at: float
    name: str
    requests: int
    failures: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


def window_of(at: float, name: str, times: Mapping[int, int], failures: int) -> Window:
    """`times` = how many of these requests took how many milliseconds."""
    p50_ms, p95_ms, p99_ms = (percentile(times, share) for share in (0.5, 0.95, 0.99))
    return Window(at, name, sum(times.values()), failures, p50_ms, p95_ms, p99_ms, max(times, default=0))


@dataclass(frozen=True, slots=True)
class Happening:
    """What went on from `at` to `until`, in seconds since 1970, in two languages."""

    at: float
    until: float
    en: str
    vi: str


@dataclass(frozen=True, slots=True)
class Interim:
    """What a comparison found while the run went on, of the dossiers that none had compared before."""

    at: float
    dossiers: int
    wrong: int
    said: str


def make_record(path: Path) -> None:
    """An empty one, once and before anybody opens it: SQLite does not wait for others to turn its log on."""
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.executescript(f"PRAGMA journal_mode=WAL; {SCHEMA}")


class Record:
    """Open until `close`, or as a context. One thread uses it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None)
        self._file.execute("PRAGMA synchronous=NORMAL")

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "Record":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add_journeys(self, journeys: Iterable[Journey]) -> None:
        """A later record of a dossier takes the earlier one's place."""
        self._add("INSERT OR REPLACE INTO journeys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_values, journeys))

    def add_windows(self, windows: Iterable[Window]) -> None:
        self._add("INSERT INTO windows VALUES (?, ?, ?, ?, ?, ?, ?, ?)", map(_slots, windows))

    def add_happening(self, happening: Happening) -> None:
        self._add("INSERT INTO happenings VALUES (?, ?, ?, ?)", [_slots(happening)])

    def add_times(self, name: str, times: Mapping[int, int]) -> None:
        """Of the whole run: how many requests of a kind took how many milliseconds. A later count takes its place."""
        self._add(
            "INSERT OR REPLACE INTO times VALUES (?, ?, ?)", [(name, ms, requests) for ms, requests in times.items()]
        )

    def add_failure(self, name: str, why: str, requests: int) -> None:
        self._add("INSERT INTO failures VALUES (?, ?, ?)", [(name, why, requests)])

    def add_interim(self, interim: Interim) -> None:
        self._add("INSERT INTO interims VALUES (?, ?, ?, ?)", [_slots(interim)])

    def set_figure(self, name: str, value: float) -> None:
        self._add("INSERT OR REPLACE INTO figures VALUES (?, ?)", [(name, value)])

    def journeys(self, since: float = 0.0, until: float = float("inf")) -> Iterator[Journey]:
        """Of those who began after `since`, up to `until` (seconds since 1970), by dossier code."""
        span = "SELECT * FROM journeys WHERE began > ? AND began <= ? ORDER BY dossier_code"
        for row in self._file.execute(span, (since, until)):
            yield msgspec.convert(row, Journey)

    def progress(self) -> tuple[int, int, int]:
        """How many payers have ended, how many of them paid, and how many saw their dossier paid."""
        asked = "SELECT count(*), coalesce(sum(paid > 0), 0), coalesce(sum(seen_paid > 0), 0) FROM journeys"
        ended, paid, seen = self._file.execute(asked).fetchone()
        return ended, paid, seen

    def windows(self, name: str) -> list[Window]:
        """Those of one kind, oldest first."""
        return [Window(*row) for row in self._file.execute("SELECT * FROM windows WHERE name = ? ORDER BY at", (name,))]

    def names(self) -> list[str]:
        """The kinds of requests that were made."""
        return [name for (name,) in self._file.execute("SELECT DISTINCT name FROM times ORDER BY name")]

    def in_flight(self, began: float, step_s: float) -> list[tuple[float, int]]:
        """(seconds since `began`, dong that payers had paid by then and whose dossiers they did not yet see paid)."""
        moved = """
            SELECT step, sum(amount) FROM (
                SELECT CAST((paid - :began) / :step AS INTEGER) AS step, amount_vnd AS amount
                FROM journeys WHERE paid > 0
                UNION ALL
                SELECT CAST((seen_paid - :began) / :step AS INTEGER), -amount_vnd FROM journeys WHERE seen_paid > 0
            ) GROUP BY step ORDER BY step
        """
        found, flying = [], 0
        for step, amount in self._file.execute(moved, {"began": began, "step": step_s}):
            flying += amount
            found.append(((step + 1) * step_s, flying))
        return found

    def times(self, name: str) -> dict[int, int]:
        return dict(self._file.execute("SELECT ms, requests FROM times WHERE name = ?", (name,)))

    def failures(self) -> list[tuple[str, str, int]]:
        """(kind of request, why, how many), the most frequent first."""
        return list(self._file.execute("SELECT name, why, requests FROM failures ORDER BY requests DESC, name, why"))

    def happenings(self) -> list[Happening]:
        return [Happening(*row) for row in self._file.execute("SELECT * FROM happenings ORDER BY at")]

    def interims(self) -> list[Interim]:
        return [Interim(*row) for row in self._file.execute("SELECT * FROM interims ORDER BY at")]

    def figures(self) -> dict[str, float]:
        return dict(self._file.execute("SELECT name, value FROM figures"))

    def _add(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        self._file.execute("BEGIN")
        self._file.executemany(statement, rows)
        self._file.execute("COMMIT")


def _values(journey: Journey) -> tuple[object, ...]:
    return msgspec.structs.astuple(journey)


def _slots(row: Window | Happening | Interim) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in row.__slots__)
