"""Is every payment of a run in the bank's file of its business day, once, with its amount, and nobody else's?

Rule: in bulk and streaming, as the audit of the books: rows go through the record's SQLite file, never all through
memory.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import msgspec

from loadtests.day_files import Fetched
from loadtests.day_rows import FORMS, Moved, Row, rows
from loadtests.record import JOURNEY_INDEXES
from simulator.client import StandingView

EXAMPLES_MAX = 5
WATCH_S = 90.0
"""So far a payer's own clock, read when the bank had answered, may be from the bank's."""

HELD = "suspected"
"""The state of money that the bank only holds: it is in no file until it is approved."""

TABLES = f"""
{JOURNEY_INDEXES}CREATE TEMP TABLE ledger (
    bank TEXT NOT NULL, order_ref TEXT NOT NULL, debits INTEGER NOT NULL, debited_vnd INTEGER NOT NULL,
    returned_vnd INTEGER NOT NULL, payment_id TEXT NOT NULL, PRIMARY KEY (bank, order_ref)
) STRICT, WITHOUT ROWID;
CREATE TEMP TABLE listed (
    bank TEXT NOT NULL, kind TEXT NOT NULL, order_ref TEXT NOT NULL, sales INTEGER NOT NULL, sales_vnd INTEGER NOT NULL,
    backs INTEGER NOT NULL, backs_vnd INTEGER NOT NULL, refunds_vnd INTEGER NOT NULL, begins REAL NOT NULL,
    ends REAL NOT NULL, file TEXT NOT NULL, line INTEGER NOT NULL, PRIMARY KEY (bank, kind, order_ref)
) STRICT, WITHOUT ROWID;
"""

OWED = """
INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (bank, order_ref) DO UPDATE SET
    debits = debits + excluded.debits, debited_vnd = debited_vnd + excluded.debited_vnd,
    returned_vnd = returned_vnd + excluded.returned_vnd
"""

LISTED = """
INSERT INTO listed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (bank, kind, order_ref) DO UPDATE SET
    sales = sales + excluded.sales, sales_vnd = sales_vnd + excluded.sales_vnd, backs = backs + excluded.backs,
    backs_vnd = backs_vnd + excluded.backs_vnd, refunds_vnd = refunds_vnd + excluded.refunds_vnd,
    begins = CASE WHEN excluded.sales > 0 THEN excluded.begins ELSE begins END,
    ends = CASE WHEN excluded.sales > 0 THEN excluded.ends ELSE ends END,
    file = excluded.file, line = excluded.line
"""

# A payment is the run's own if a payer came to it, or if its order is a payer's.
BESIDE = """
SELECT l.order_ref, coalesce(came.dossier_code, named.dossier_code, ''), l.debits, l.debited_vnd, l.returned_vnd,
       coalesce(f.sales, 0), coalesce(f.sales_vnd, 0), coalesce(f.backs, 0), coalesce(f.backs_vnd, 0),
       coalesce(f.refunds_vnd, 0), coalesce(came.paid, 0), coalesce(f.begins, 0), coalesce(f.ends, 0),
       coalesce(f.file, ''), coalesce(f.line, 0)
  FROM ledger l
  LEFT JOIN journeys came ON came.payment_id = l.payment_id
  LEFT JOIN journeys named ON came.dossier_code IS NULL AND named.bank = l.bank AND named.order_ref = l.order_ref
  LEFT JOIN listed f ON f.bank = l.bank AND f.kind = :kind AND f.order_ref = l.order_ref
 WHERE l.bank = :bank
 GROUP BY l.order_ref ORDER BY l.order_ref
"""

NOBODYS = """
SELECT f.order_ref, f.sales_vnd + f.backs_vnd, f.refunds_vnd, f.file, f.line
  FROM listed f LEFT JOIN ledger l ON l.bank = f.bank AND l.order_ref = f.order_ref
 WHERE f.bank = :bank AND f.kind = :kind AND l.order_ref IS NULL ORDER BY f.order_ref
"""

UNBOOKED = """
SELECT j.order_ref, j.dossier_code, j.amount_vnd
  FROM journeys j LEFT JOIN ledger l ON l.bank = j.bank AND l.order_ref = j.order_ref
 WHERE j.bank = :bank AND j.paid > 0 AND l.order_ref IS NULL ORDER BY j.dossier_code
"""


class Flaw(StrEnum):
    """What is wrong with a bank's file of a business day."""

    MISSING = "missing"
    """A payment of the run stands in no row."""
    TWICE = "twice"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_REFUND = "wrong_refund"
    """The file gives back another sum than the ledger."""
    WRONG_DAY = "wrong_day"
    """By the payer's own watch it is not of that business day."""
    NOBODYS = "nobodys"
    """A row of an order that the bank's ledger does not have."""
    UNREADABLE = "unreadable"
    UNBOOKED = "unbooked"
    """The payer was told that it is paid; the ledger does not have it."""


class Finding(msgspec.Struct, frozen=True):
    """One wrong row. `line` 0 = there is none."""

    flaw: Flaw
    bank: str
    kind: str
    order_ref: str = ""
    dossier_code: str = ""
    ledger_vnd: int = 0
    file_vnd: int = 0
    file: str = ""
    line: int = 0


class DayFileCount(msgspec.Struct, frozen=True, kw_only=True):
    """One file as it was read: rows of money that came, of money that went back, and both sums."""

    bank: str
    kind: str
    business_date: str
    name: str
    size_bytes: int
    sales: int
    sales_vnd: int
    returns: int
    returns_vnd: int
    fetch_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """One order in the ledger and in one kind of file; `refunds`, `cancelled` as in day_rows.Form."""

    debits: int
    debited_vnd: int
    returned_vnd: int = 0
    sales: int = 0
    sales_vnd: int = 0
    backs: int = 0
    backs_vnd: int = 0
    refunds_vnd: int = 0
    refunds: bool = True
    cancelled: bool = True

    def sums(self, flaw: Flaw) -> tuple[int, int]:
        """What the ledger has and what the file says, of what is wrong."""
        if flaw is Flaw.WRONG_REFUND:
            return self.returned_vnd, self.refunds_vnd + self.backs_vnd
        return self.debited_vnd, self.sales_vnd or self.backs_vnd


@dataclass(slots=True)
class FilesAudit:
    """`payments` = how many orders of the run had to be in a file. Counts by bank, kind and flaw."""

    files: list[DayFileCount] = field(default_factory=list)
    payments: int = 0
    counts: dict[tuple[str, str, Flaw], int] = field(default_factory=dict)
    examples: list[Finding] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        return sum(self.counts.values())

    def add(self, found: Finding) -> None:
        key = (found.bank, found.kind, found.flaw)
        self.counts[key] = self.counts.get(key, 0) + 1
        if self.counts[key] <= EXAMPLES_MAX:
            self.examples.append(found)


def flaw_of(each: Beside) -> Flaw | None:
    """The worst that is true of it; None = the file says what the ledger says. Pure.

    A row of money taken back stands for the payment and for its return, unless the payment has a row of its own.
    """
    gone = not each.cancelled and each.returned_vnd >= each.debited_vnd
    if each.sales + each.backs < each.debits and not (gone and each.sales == 0):
        return Flaw.MISSING
    if each.sales > each.debits or each.backs > each.debits:
        return Flaw.TWICE
    if each.sales + each.backs == 0:
        return None
    if each.debited_vnd not in (each.sales_vnd, each.sales_vnd + each.backs_vnd):
        return Flaw.WRONG_AMOUNT
    back_vnd = each.backs_vnd + each.refunds_vnd
    agrees = back_vnd == each.returned_vnd if each.refunds else back_vnd <= each.returned_vnd
    return None if agrees else Flaw.WRONG_REFUND


def audit_files(
    record: Path, fetched: Iterable[Fetched], standings: Iterable[StandingView], merchants: Mapping[str, str]
) -> FilesAudit:
    """Reads the files and lays them beside ledger and payers. `merchants` = the connector's own, by bank.

    Only banks with a file that can be read are looked at.
    """
    db = sqlite3.connect(record, isolation_level=None)
    try:
        db.executescript(TABLES)
        found = FilesAudit()
        kinds = {(each.file.bank, each.file.kind) for each in _listed(db, fetched, found)}
        banks = {bank: merchants[bank] for bank, _ in kinds}
        _put(db, OWED, _owed(standings, banks))
        for bank, kind in sorted(kinds):
            _compare(db, bank, kind, found)
        for bank in sorted(banks):
            _look_for_unbooked(db, bank, found)
        return found
    finally:
        db.close()


def _listed(db: sqlite3.Connection, fetched: Iterable[Fetched], found: FilesAudit) -> list[Fetched]:
    """Those that could be read, once their rows are in the database."""
    read = [each for each in fetched if each.file.kind in FORMS]
    for each in read:
        count = _Count()
        with each.path.open("rb") as lines:
            _put(db, LISTED, _values(each, count.passing(each, rows(each.file.kind, lines), found)))
        found.files.append(count.told(each))
    return read


@dataclass(slots=True)
class _Count:
    sales: int = 0
    sales_vnd: int = 0
    returns: int = 0
    returns_vnd: int = 0

    def passing(self, fetched: Fetched, listed: Iterable[Row], found: FilesAudit) -> Iterator[Row]:
        """The rows that can be read, counted."""
        for row in listed:
            if row.moved is Moved.UNREADABLE:
                where = fetched.file
                found.add(
                    Finding(flaw=Flaw.UNREADABLE, bank=where.bank, kind=where.kind, file=where.name, line=row.line)
                )
                continue
            if row.moved is Moved.SALE:
                self.sales += 1
                self.sales_vnd += row.amount_vnd
            else:
                self.returns += 1
                self.returns_vnd += row.amount_vnd
            yield row

    def told(self, fetched: Fetched) -> DayFileCount:
        return DayFileCount(
            bank=fetched.file.bank,
            kind=fetched.file.kind,
            business_date=fetched.file.business_date.isoformat(),
            name=fetched.file.name,
            size_bytes=fetched.path.stat().st_size,
            sales=self.sales,
            sales_vnd=self.sales_vnd,
            returns=self.returns,
            returns_vnd=self.returns_vnd,
            fetch_s=round(fetched.took_s, 3),
        )


def _values(fetched: Fetched, listed: Iterable[Row]) -> Iterator[Sequence[object]]:
    file = fetched.file
    begins, ends = file.begins_at.timestamp(), file.ends_at.timestamp()
    for row in listed:
        sold, back, given = (row.moved is each for each in (Moved.SALE, Moved.TAKEN_BACK, Moved.REFUND))
        amounts = (sold, sold * row.amount_vnd, back, back * row.amount_vnd, given * row.amount_vnd)
        yield (file.bank, file.kind, row.order_ref, *map(int, amounts), begins, ends, file.name, row.line)


def _owed(standings: Iterable[StandingView], merchants: Mapping[str, str]) -> Iterator[Sequence[object]]:
    for each in standings:
        if merchants.get(each.bank) == each.merchant_code and each.debited_vnd > 0:
            amounts = (0, 0, 0) if each.state == HELD else (1, each.debited_vnd, each.returned_vnd)
            yield (each.bank, each.order_ref, *amounts, each.payment_id)


def _put(db: sqlite3.Connection, statement: str, values: Iterator[Sequence[object]]) -> None:
    db.execute("BEGIN")
    db.executemany(statement, values)
    db.execute("COMMIT")


def _compare(db: sqlite3.Connection, bank: str, kind: str, found: FilesAudit) -> None:
    named = {"bank": bank, "kind": kind}
    for order_ref, dossier_code, *amounts, paid, begins, ends, file, line in db.execute(BESIDE, named):
        each = _beside(kind, amounts)
        flaw = flaw_of(each)
        if not dossier_code and flaw is Flaw.MISSING:
            continue  # Of another run, and of another day.
        found.payments += bool(dossier_code) and each.debits > 0
        if flaw is None and _is_of_another_day(each, paid, begins, ends):
            flaw = Flaw.WRONG_DAY
        if flaw is not None:
            of_ledger, of_file = each.sums(flaw)
            found.add(Finding(flaw, bank, kind, order_ref, dossier_code, of_ledger, of_file, file, line))
    for order_ref, came_vnd, went_vnd, file, line in db.execute(NOBODYS, named):
        found.add(Finding(Flaw.NOBODYS, bank, kind, order_ref, "", 0, came_vnd or went_vnd, file, line))


def _beside(kind: str, amounts: Sequence[int]) -> Beside:
    debits, debited_vnd, returned_vnd, sales, sales_vnd, backs, backs_vnd, refunds_vnd = amounts
    return Beside(
        debits=debits,
        debited_vnd=debited_vnd,
        returned_vnd=returned_vnd,
        sales=sales,
        sales_vnd=sales_vnd,
        backs=backs,
        backs_vnd=backs_vnd,
        refunds_vnd=refunds_vnd,
        refunds=FORMS[kind].refunds,
        cancelled=FORMS[kind].cancelled,
    )


def _is_of_another_day(each: Beside, paid: float, begins: float, ends: float) -> bool:
    """Told only where one payment has one row, and its payer saw it happen."""
    if not paid or not (each.debits == each.sales == 1):
        return False
    return paid + WATCH_S < begins or paid - WATCH_S >= ends


def _look_for_unbooked(db: sqlite3.Connection, bank: str, found: FilesAudit) -> None:
    for order_ref, dossier_code, amount_vnd in db.execute(UNBOOKED, {"bank": bank}):
        found.add(Finding(Flaw.UNBOOKED, bank, "", order_ref, dossier_code, 0, amount_vnd))
