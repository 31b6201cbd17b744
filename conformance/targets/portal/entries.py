"""What can be read from and written into the books within one transaction.

Rule: statements only. What a bank's word means is decided in dossiers.py, before anything is written.
"""

import json
import sqlite3
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from conformance.targets.portal.dossiers import Attempt, AttemptState, BankWord, Dossier, Outcome, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """Money that came in. `settles` = it is what the dossier is paid by; else it is due back.

    `paid_at` is the bank's time, `credited_at` ours.
    """

    once: str
    bank: str
    money_ref: str
    order_ref: str
    dossier_code: str
    amount_vnd: int
    bank_ref: str
    settles: bool
    credited_at: datetime
    paid_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    template: str
    symbol: str
    number: int
    amount_vnd: int
    issued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """`channel` is "sms" or "email"."""

    dossier_code: str
    channel: str
    address: str
    text: str
    amount_vnd: int | None
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """`state` is "asked", "done" or "refused"; one that was asked for and not answered may have been done.

    `asked_at` is when the bank was last asked.
    """

    once: str
    request_ref: str
    credit: str
    dossier_code: str
    amount_vnd: int
    state: str
    asked_at: datetime


class FindingKind(StrEnum):
    """How a bank's file and the books disagree."""

    MISSING_AT_PORTAL = "missing_at_portal"
    MISSING_AT_BANK = "missing_at_bank"
    AMOUNT_DIFFERS = "amount_differs"
    STATUS_DIFFERS = "status_differs"
    DUPLICATE = "duplicate"
    BAD_ROW = "bad_row"
    LATE = "late"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFile:
    """A bank's file of a business day. `refused` says why it was not compared, "" if it was.

    `reply` is what the bank is sent in return, under `reply_name`.
    """

    bank: str
    business_date: date
    name: str
    refused: str
    rows: int
    received_at: datetime
    content: bytes
    reply_name: str
    reply: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One disagreement. `solved` = it has answered itself since."""

    bank: str
    business_date: date
    kind: FindingKind
    money_ref: str
    order_ref: str
    bank_ref: str
    amount_vnd: int | None
    says: str
    solved: bool = False


@dataclass(frozen=True, slots=True)
class Entries:
    _connection: sqlite3.Connection

    # Dossiers

    def add_dossier(self, dossier: Dossier) -> None:
        self._insert("dossiers", asdict(dossier))

    def dossier(self, dossier_code: str) -> Dossier | None:
        return self._dossier("dossier_code", dossier_code)

    def dossier_of_bill(self, bill_code: str) -> Dossier | None:
        return self._dossier("bill_code", bill_code)

    def newest_dossiers(self, count: int) -> list[Dossier]:
        rows = self._rows("SELECT * FROM dossiers ORDER BY declared_at DESC, rowid DESC LIMIT ?", count)
        return [_dossier(row) for row in rows]

    def dossiers_after(self, after: str, prefix: str, count: int) -> list[Dossier]:
        """The next ones in the order of their codes, of those whose codes begin so."""
        sql = "SELECT * FROM dossiers WHERE dossier_code > ? AND dossier_code >= ? AND dossier_code < ?"
        last = f"{prefix}\U0010ffff"
        return [_dossier(row) for row in self._rows(f"{sql} ORDER BY dossier_code LIMIT ?", after, prefix, last, count)]

    def next_serial(self, prefix: str) -> int:
        """One more than the highest number behind `prefix` ("H49.12.6-261122-") among the dossier codes."""
        sql = "SELECT max(CAST(substr(dossier_code, ?) AS INTEGER)) AS highest FROM dossiers WHERE dossier_code GLOB ?"
        return int(self._row(sql, len(prefix) + 1, f"{prefix}[0-9]*")["highest"] or 0) + 1

    def cancel(self, dossier_code: str, now: datetime) -> None:
        self._run("UPDATE dossiers SET cancelled_at = ? WHERE dossier_code = ?", now.isoformat(), dossier_code)

    def lock(self, dossier_code: str, locked_at: datetime | None) -> None:
        """None = it is unlocked."""
        at = locked_at.isoformat() if locked_at else None
        self._run("UPDATE dossiers SET locked_at = ? WHERE dossier_code = ?", at, dossier_code)

    def standing(self, dossier: Dossier) -> Standing:
        code = dossier.dossier_code
        money = self._row(
            """
            SELECT coalesce(sum(settles * amount_vnd), 0) AS paid,
                   coalesce(sum(settles * returned), 0) AS refunded,
                   coalesce(sum((1 - settles) * (amount_vnd - returned)), 0) AS due
            FROM (SELECT settles, amount_vnd, (SELECT coalesce(sum(amount_vnd), 0) FROM refunds
                                               WHERE credit = credits.once AND state = 'done') AS returned
                  FROM credits WHERE dossier_code = ?)
            """,
            code,
        )
        return Standing(
            dossier=dossier,
            attempts=tuple(self.attempts(code)),
            paid_vnd=money["paid"],
            refunded_vnd=money["refunded"],
            refund_due_vnd=money["due"],
            receipts=len(self.receipts(code)),
            notifications=len(self.notifications(code)),
        )

    # Attempts

    def add_attempt(self, attempt: Attempt, instead: bool = False) -> None:
        """`instead` = in place of an attempt with the same number, which only a defect asks for."""
        self._insert("attempts", asdict(attempt), "INSERT OR REPLACE" if instead else "INSERT")

    def attempt(self, bank: str, order_ref: str) -> Attempt | None:
        row = self._row_or_none("SELECT * FROM attempts WHERE bank = ? AND order_ref = ?", bank, order_ref)
        return _attempt(row) if row else None

    def pending_of_amount(self, bank: str, amount_vnd: int) -> Attempt | None:
        """The newest order of that amount that nobody has paid: what a defect takes for the one that is meant."""
        sql = "SELECT * FROM attempts WHERE bank = ? AND amount_vnd = ? AND state = 'pending' ORDER BY rowid DESC"
        row = self._row_or_none(sql, bank, amount_vnd)
        return _attempt(row) if row else None

    def attempts(self, dossier_code: str) -> list[Attempt]:
        """Oldest first."""
        sql = "SELECT * FROM attempts WHERE dossier_code = ? ORDER BY rowid"
        return [_attempt(row) for row in self._rows(sql, dossier_code)]

    def attempts_to_ask(self, banks: tuple[str, ...], ordered_after: datetime, dossier_code: str) -> list[Attempt]:
        """Unpaid ones that a bank may still have news of; failed ones too, for their payer may have tried again.

        `dossier_code` "" = of all dossiers.
        """
        places = ", ".join("?" * len(banks))
        sql = (
            f"SELECT * FROM attempts WHERE closed = 0 AND state <> 'paid' AND bank IN ({places})"
            " AND ordered_at > ? AND (? = '' OR dossier_code = ?) ORDER BY ordered_at DESC"
        )
        rows = self._rows(sql, *banks, ordered_after.isoformat(), dossier_code, dossier_code)
        return [_attempt(row) for row in rows]

    def set_state(self, attempt: Attempt, state: AttemptState, code: str) -> None:
        sql = "UPDATE attempts SET state = ?, code = ? WHERE bank = ? AND order_ref = ?"
        self._run(sql, state, code, attempt.bank, attempt.order_ref)

    def set_url(self, attempt: Attempt, url: str) -> None:
        sql = "UPDATE attempts SET url = ? WHERE bank = ? AND order_ref = ?"
        self._run(sql, url, attempt.bank, attempt.order_ref)

    def count_ask(self, attempt: Attempt, now: datetime) -> None:
        sql = "UPDATE attempts SET asks = asks + 1, asked_at = ? WHERE bank = ? AND order_ref = ?"
        self._run(sql, now.isoformat(), attempt.bank, attempt.order_ref)

    def close(self, attempt: Attempt) -> None:
        sql = "UPDATE attempts SET closed = 1 WHERE bank = ? AND order_ref = ?"
        self._run(sql, attempt.bank, attempt.order_ref)

    def forget_pending(self, dossier_code: str, bank: str) -> None:
        """What the defect does that knows one attempt at a time."""
        sql = "DELETE FROM attempts WHERE dossier_code = ? AND bank = ? AND state = 'pending'"
        self._run(sql, dossier_code, bank)

    def forget_all_pending(self) -> None:
        """What the defect does that tidies up when the portal starts."""
        self._run("DELETE FROM attempts WHERE state = 'pending'")

    # Money

    def add_credit(self, credit: Credit) -> None:
        self._insert("credits", asdict(credit))

    def is_credited(self, bank: str, money_ref: str) -> bool:
        sql = "SELECT 1 FROM credits WHERE bank = ? AND money_ref = ?"
        return self._row_or_none(sql, bank, money_ref) is not None

    def credit(self, once: str) -> Credit | None:
        row = self._row_or_none("SELECT * FROM credits WHERE once = ?", once)
        return _credit(row) if row else None

    def credits(self, dossier_code: str) -> list[Credit]:
        sql = "SELECT * FROM credits WHERE dossier_code = ? ORDER BY rowid"
        return [_credit(row) for row in self._rows(sql, dossier_code)]

    def credit_of_money(self, bank: str, money_ref: str) -> Credit | None:
        sql = "SELECT * FROM credits WHERE bank = ? AND money_ref = ? ORDER BY rowid"
        row = self._row_or_none(sql, bank, money_ref)
        return _credit(row) if row else None

    def credits_between(
        self, bank: str, begins_at: datetime, ends_at: datetime, by_arrival: bool = False
    ) -> list[Credit]:
        """What a bank took from `begins_at` up to, but without, `ends_at`, by its own time.

        `by_arrival` = by ours, which only a defect asks for.
        """
        time = "credited_at" if by_arrival else "paid_at"
        sql = f"SELECT * FROM credits WHERE bank = ? AND {time} >= ? AND {time} < ? ORDER BY rowid"
        span = (each.astimezone(UTC).isoformat() for each in (begins_at, ends_at))
        return [_credit(row) for row in self._rows(sql, bank, *span)]

    def set_credit_amount(self, credit: Credit, amount_vnd: int) -> None:
        """What the defect does that believes a file more than its own books."""
        self._run("UPDATE credits SET amount_vnd = ? WHERE once = ?", amount_vnd, credit.once)

    def forget_credit(self, attempt: Attempt) -> None:
        """What the defect does that lets a late failure overwrite a success."""
        self._run("DELETE FROM credits WHERE bank = ? AND order_ref = ?", attempt.bank, attempt.order_ref)

    def add_refund(self, refund: Refund) -> None:
        self._insert("refunds", asdict(refund))

    def refund(self, once: str) -> Refund | None:
        row = self._row_or_none("SELECT * FROM refunds WHERE once = ?", once)
        return _refund(row) if row else None

    def refunds(self, credit: str) -> list[Refund]:
        """Those of one credit."""
        return [_refund(row) for row in self._rows("SELECT * FROM refunds WHERE credit = ? ORDER BY rowid", credit)]

    def open_refunds(self, dossier_code: str, count: int) -> list[Refund]:
        """Asked for, and neither done nor refused: oldest first, of one dossier, or "" = of all."""
        sql = "SELECT * FROM refunds WHERE state = 'asked' AND (? = '' OR dossier_code = ?) ORDER BY asked_at LIMIT ?"
        return [_refund(row) for row in self._rows(sql, dossier_code, dossier_code, count)]

    def count_refund_ask(self, refund: Refund, now: datetime) -> None:
        self._run("UPDATE refunds SET asked_at = ? WHERE once = ?", now.isoformat(), refund.once)

    def set_refund_amount(self, refund: Refund, amount_vnd: int) -> None:
        """What the defect does that takes every refund for one of all."""
        self._run("UPDATE refunds SET amount_vnd = ? WHERE once = ?", amount_vnd, refund.once)

    def set_refund_state(self, refund: Refund, state: str) -> None:
        self._run("UPDATE refunds SET state = ? WHERE once = ?", state, refund.once)

    # What follows from a payment

    def add_receipt(self, once: str, dossier_code: str, template: str, symbol: str, amount_vnd: int, at: str) -> None:
        """With the next number of its template and symbol."""
        sql = """
            INSERT INTO receipts (once, dossier_code, template, symbol, number, amount_vnd, issued_at)
            SELECT ?, ?, ?, ?, coalesce(max(number), 0) + 1, ?, ? FROM receipts WHERE template = ? AND symbol = ?
        """
        self._run(sql, once, dossier_code, template, symbol, amount_vnd, at, template, symbol)

    def receipts(self, dossier_code: str) -> list[Receipt]:
        rows = self._rows("SELECT * FROM receipts WHERE dossier_code = ? ORDER BY number", dossier_code)
        return [_receipt(row) for row in rows]

    def owe_receipt(self, once: str, dossier_code: str, amount_vnd: int) -> None:
        """To be issued once somebody issues receipts again."""
        self._insert("receipts_owed", {"once": once, "dossier_code": dossier_code, "amount_vnd": amount_vnd})

    def receipts_owed(self) -> list[tuple[str, str, int]]:
        """Key, dossier and amount of each, oldest first."""
        rows = self._rows("SELECT * FROM receipts_owed ORDER BY rowid")
        return [(row["once"], row["dossier_code"], row["amount_vnd"]) for row in rows]

    def owes_receipt(self, once: str) -> bool:
        return self._row_or_none("SELECT 1 FROM receipts_owed WHERE once = ?", once) is not None

    def owe_receipt_no_more(self, once: str) -> None:
        self._run("DELETE FROM receipts_owed WHERE once = ?", once)

    def add_notification(self, once: str, notification: Notification) -> None:
        self._insert("notifications", {"once": once} | asdict(notification))

    def notifications(self, dossier_code: str) -> list[Notification]:
        rows = self._rows("SELECT * FROM notifications WHERE dossier_code = ? ORDER BY rowid", dossier_code)
        return [_notification(row) for row in rows]

    def unsent(self, count: int) -> list[tuple[int, Notification]]:
        """What was written to somebody and not sent yet, with its number; what was tried least stands first."""
        sql = "SELECT rowid, * FROM notifications WHERE sent = 0 AND address <> '' ORDER BY tries, rowid LIMIT ?"
        rows = self._rows(sql, count)
        return [(row["rowid"], _notification(row)) for row in rows]

    def mark_sent(self, number: int) -> None:
        self._run("UPDATE notifications SET sent = 1 WHERE rowid = ?", number)

    def count_try(self, number: int) -> None:
        self._run("UPDATE notifications SET tries = tries + 1 WHERE rowid = ?", number)

    def newest_notifications(self, count: int) -> list[Notification]:
        rows = self._rows("SELECT * FROM notifications ORDER BY rowid DESC LIMIT ?", count)
        return [_notification(row) for row in rows]

    def note_discrepancy(self, once: str, dossier_code: str, says: str, now: datetime) -> None:
        """Something for a person to look into; noted once however often it is seen."""
        sql = "INSERT OR IGNORE INTO discrepancies (once, dossier_code, says, noted_at) VALUES (?, ?, ?, ?)"
        self._run(sql, once, dossier_code, says, now.isoformat())

    def discrepancies(self, dossier_code: str) -> list[str]:
        rows = self._rows("SELECT says FROM discrepancies WHERE dossier_code = ? ORDER BY rowid", dossier_code)
        return [row["says"] for row in rows]

    # Reconciliation

    def add_day_file(self, file: DayFile, findings: list[Finding]) -> None:
        """In place of an earlier file of that day, with what was found."""
        day = file.business_date.isoformat()
        self._run("DELETE FROM findings WHERE bank = ? AND business_date = ?", file.bank, day)
        self._insert("day_files", asdict(file), "INSERT OR REPLACE")
        for finding in findings:
            self._insert("findings", asdict(finding))

    def day_file(self, bank: str, business_date: date) -> DayFile | None:
        sql = "SELECT * FROM day_files WHERE bank = ? AND business_date = ?"
        row = self._row_or_none(sql, bank, business_date.isoformat())
        return _day_file(row) if row else None

    def newest_day_files(self, count: int) -> list[DayFile]:
        sql = "SELECT * FROM day_files ORDER BY business_date DESC, bank LIMIT ?"
        return [_day_file(row) for row in self._rows(sql, count)]

    def findings(self, bank: str, business_date: date) -> list[Finding]:
        sql = "SELECT * FROM findings WHERE bank = ? AND business_date = ? ORDER BY rowid"
        rows = self._rows(sql, bank, business_date.isoformat())
        return [_finding(row) for row in rows]

    def solve_missing(self, bank: str, money_ref: str) -> None:
        """A row that was missing in a day's file has come with a later one."""
        sql = "UPDATE findings SET solved = 1 WHERE bank = ? AND money_ref = ? AND kind = ?"
        self._run(sql, bank, money_ref, FindingKind.MISSING_AT_BANK)

    # Callbacks that were acknowledged first

    def queue(self, word: BankWord, now: datetime) -> None:
        self._run("INSERT INTO inbox (word, received_at) VALUES (?, ?)", json.dumps(asdict(word)), now.isoformat())

    def queued(self) -> list[tuple[int, BankWord]]:
        """Oldest first."""
        return [(row["id"], _word(row["word"])) for row in self._rows("SELECT * FROM inbox ORDER BY id")]

    def unqueue(self, number: int) -> None:
        self._run("DELETE FROM inbox WHERE id = ?", number)

    def _dossier(self, column: str, value: str) -> Dossier | None:
        row = self._row_or_none(f"SELECT * FROM dossiers WHERE {column} = ?", value)
        return _dossier(row) if row else None

    def _insert(self, table: str, values: dict[str, object], verb: str = "INSERT") -> None:
        names = ", ".join(values)
        places = ", ".join("?" * len(values))
        self._run(f"{verb} INTO {table} ({names}) VALUES ({places})", *map(_stored, values.values()))

    def _run(self, sql: str, *values: object) -> None:
        self._connection.execute(sql, values)

    def _rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        return self._connection.execute(sql, values).fetchall()

    def _row(self, sql: str, *values: object) -> sqlite3.Row:
        return self._rows(sql, *values)[0]

    def _row_or_none(self, sql: str, *values: object) -> sqlite3.Row | None:
        return next(iter(self._rows(sql, *values)), None)


def _stored(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _instant(row: sqlite3.Row, name: str) -> datetime:
    return datetime.fromisoformat(row[name])


def _instant_or_none(row: sqlite3.Row, name: str) -> datetime | None:
    return None if row[name] is None else _instant(row, name)


def _dossier(row: sqlite3.Row) -> Dossier:
    times = {
        "declared_at": _instant(row, "declared_at"),
        "cancelled_at": _instant_or_none(row, "cancelled_at"),
        "locked_at": _instant_or_none(row, "locked_at"),
    }
    return Dossier(**{**dict(row), **times})


def _attempt(row: sqlite3.Row) -> Attempt:
    values = dict(row) | {
        "state": AttemptState(row["state"]),
        "ordered_at": _instant(row, "ordered_at"),
        "expires_at": _instant(row, "expires_at"),
        "asked_at": _instant_or_none(row, "asked_at"),
        "closed": bool(row["closed"]),
    }
    return Attempt(**values)


def _credit(row: sqlite3.Row) -> Credit:
    times = {name: _instant(row, name) for name in ("credited_at", "paid_at")}
    return Credit(**dict(row) | {"settles": bool(row["settles"])} | times)


def _refund(row: sqlite3.Row) -> Refund:
    return Refund(**dict(row) | {"asked_at": _instant(row, "asked_at")})


def _day_file(row: sqlite3.Row) -> DayFile:
    times = {"business_date": date.fromisoformat(row["business_date"]), "received_at": _instant(row, "received_at")}
    return DayFile(**dict(row) | times)


def _finding(row: sqlite3.Row) -> Finding:
    values = {
        "business_date": date.fromisoformat(row["business_date"]),
        "kind": FindingKind(row["kind"]),
        "solved": bool(row["solved"]),
    }
    return Finding(**dict(row) | values)


def _receipt(row: sqlite3.Row) -> Receipt:
    values = {name: row[name] for name in ("template", "symbol", "number", "amount_vnd")}
    return Receipt(**values, issued_at=_instant(row, "issued_at"))


def _notification(row: sqlite3.Row) -> Notification:
    values = {name: row[name] for name in ("dossier_code", "channel", "address", "text", "amount_vnd")}
    return Notification(**values, written_at=_instant(row, "written_at"))


def _word(text: str) -> BankWord:
    values = json.loads(text)
    return BankWord(**values | {"outcome": Outcome(values["outcome"])})
