"""Was every dong accounted for? The bank's book and the connector's, joined dossier by dossier.

Rule: in bulk and streaming: rows go through one SQLite file, never all through memory, however many payments there are.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.judging import RIGHT, Books, Fate, fate
from loadtests.record import JOURNEY_INDEXES

EXAMPLES_MAX = 5
"""So many of each wrong fate are shown."""

TABLES = f"""
{JOURNEY_INDEXES}CREATE TEMP TABLE bank_side (
    payment_id TEXT PRIMARY KEY, bank TEXT NOT NULL, order_ref TEXT NOT NULL, debited_vnd INTEGER NOT NULL,
    returned_vnd INTEGER NOT NULL, telling INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TEMP TABLE connector_side (
    dossier_code TEXT PRIMARY KEY, paid INTEGER NOT NULL, booked_vnd INTEGER NOT NULL, receipts INTEGER NOT NULL,
    due_vnd INTEGER NOT NULL, refunded_vnd INTEGER
) STRICT, WITHOUT ROWID;
"""

# A payment is that of the payer who came to it; else that of the order's dossier, paid a second time.
WHOSE = """
CREATE TEMP TABLE money AS
SELECT coalesce(came.dossier_code, named.dossier_code) AS dossier_code, p.*
  FROM bank_side p
  LEFT JOIN journeys came ON came.payment_id = p.payment_id AND p.payment_id <> ''
  LEFT JOIN journeys named ON named.bank = p.bank AND named.order_ref = p.order_ref AND named.order_ref <> '';
CREATE INDEX temp.money_of_dossier ON money (dossier_code);
"""

JOINED = """
SELECT j.dossier_code, j.bank, j.order_ref, j.payment_id, j.amount_vnd,
       coalesce(sum(m.debited_vnd > 0), 0), coalesce(sum(m.debited_vnd), 0), coalesce(sum(m.returned_vnd), 0),
       coalesce(max(m.telling), 0), coalesce(c.booked_vnd, 0), coalesce(c.paid, 0), coalesce(c.receipts, 0),
       coalesce(c.due_vnd, 0), c.refunded_vnd
  FROM journeys j
  LEFT JOIN money m ON m.dossier_code = j.dossier_code
  LEFT JOIN connector_side c ON c.dossier_code = j.dossier_code
 WHERE j.began > :since AND j.began <= :until
 GROUP BY j.dossier_code ORDER BY j.dossier_code
"""

STRANGERS = "SELECT count(*), coalesce(sum(debited_vnd), 0) FROM money WHERE dossier_code IS NULL AND debited_vnd > 0"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankRow:
    """A payment in the bank's book; `telling` = a callback of it is still under way."""

    payment_id: str
    bank: str
    order_ref: str
    debited_vnd: int
    returned_vnd: int
    telling: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorRow:
    """A dossier in the connector's book; `refunded_vnd` None = it does not tell."""

    dossier_code: str
    paid: bool
    booked_vnd: int
    receipts: int
    due_vnd: int
    refunded_vnd: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One dossier with what both books say of it, and the fate of its money."""

    dossier_code: str
    bank: str
    order_ref: str
    payment_id: str
    books: Books
    fate: Fate


@dataclass(slots=True)
class Count:
    """`returned_vnd` = what the bank gave back; `due_vnd`, `refunded_vnd` = what the connector says must and did go."""

    dossiers: int = 0
    debited_vnd: int = 0
    booked_vnd: int = 0
    returned_vnd: int = 0
    due_vnd: int = 0
    refunded_vnd: int = 0


@dataclass(slots=True)
class Audit:
    """Counts by bank and fate, and the first examples of each wrong one. `strangers` = money of nobody's payment."""

    counts: dict[tuple[str, Fate], Count] = field(default_factory=dict)
    examples: dict[Fate, list[Case]] = field(default_factory=dict)
    strangers: Count = field(default_factory=Count)

    @property
    def clean(self) -> bool:
        return all(fate in RIGHT for _, fate in self.counts)

    def total(self, fate: Fate | None = None, bank: str | None = None) -> Count:
        """Of one fate or all, at one bank or all."""
        found = [
            each
            for (at, of), each in self.counts.items()
            if (fate is None or of is fate) and (bank is None or at == bank)
        ]
        return Count(*(sum(getattr(each, name) for each in found) for name in Count.__slots__))

    def add(self, case: Case) -> None:
        of = self.counts.setdefault((case.bank, case.fate), Count())
        of.dossiers += 1
        of.debited_vnd += case.books.debited_vnd
        of.booked_vnd += case.books.booked_vnd
        of.returned_vnd += case.books.returned_vnd
        of.due_vnd += case.books.due_vnd
        of.refunded_vnd += case.books.refunded_vnd or 0
        if case.fate not in RIGHT:
            shown = self.examples.setdefault(case.fate, [])
            if len(shown) < EXAMPLES_MAX:
                shown.append(case)


def audit(
    record: Path,
    bank: Iterable[BankRow],
    connector: Iterable[ConnectorRow],
    since: float = 0.0,
    until: float = float("inf"),
) -> Audit:
    """Compares the books for the payers in `record` who began after `since`, up to `until` (seconds since 1970)."""
    file = sqlite3.connect(record, isolation_level=None)
    try:
        file.executescript(TABLES)
        file.execute("BEGIN")
        file.executemany("INSERT INTO bank_side VALUES (?, ?, ?, ?, ?, ?)", _tuples(bank))
        file.executemany("INSERT OR REPLACE INTO connector_side VALUES (?, ?, ?, ?, ?, ?)", _tuples(connector))
        file.execute("COMMIT")
        file.executescript(WHOSE)
        found = Audit()
        for case in _cases(file, since, until):
            found.add(case)
        found.strangers = Count(*file.execute(STRANGERS).fetchone())
        return found
    finally:
        file.close()


def _cases(file: sqlite3.Connection, since: float, until: float) -> Iterator[Case]:
    span = {"since": since, "until": until}
    for dossier_code, bank, order_ref, payment_id, fee_vnd, *rest in file.execute(JOINED, span):
        debits, debited_vnd, returned_vnd, telling, booked_vnd, paid, receipts, due_vnd, refunded_vnd = rest
        books = Books(
            fee_vnd=fee_vnd,
            debits=debits,
            debited_vnd=debited_vnd,
            returned_vnd=returned_vnd,
            telling=bool(telling),
            booked_vnd=booked_vnd,
            paid=bool(paid),
            receipts=receipts,
            due_vnd=due_vnd,
            refunded_vnd=refunded_vnd,
        )
        yield Case(
            dossier_code=dossier_code,
            bank=bank,
            order_ref=order_ref,
            payment_id=payment_id,
            books=books,
            fate=fate(books),
        )


def _tuples(rows: Iterable[BankRow | ConnectorRow]) -> Iterator[tuple[object, ...]]:
    return (tuple(getattr(row, name) for name in row.__slots__) for row in rows)
