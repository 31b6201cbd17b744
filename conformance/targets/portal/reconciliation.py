"""A bank's file of a business day beside the books: each disagreement is a finding for a clerk.

Rule: a file changes no money. What the bank lists as paid and the books have open, the bank is asked about, where it
answers questions; its answer settles as any other word of its does. All else waits for a person.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from conformance.targets.portal import asking, settlement
from conformance.targets.portal.banks import counterparts
from conformance.targets.portal.business_days import Calendar
from conformance.targets.portal.checkout import Unacceptable
from conformance.targets.portal.counterpart import DayBooks
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, AttemptState, BankWord, Outcome
from conformance.targets.portal.entries import Credit, DayFile, Entries, Finding, FindingKind, Refund
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.protocols.day_sheet import (
    Fields,
    Layout,
    Listed,
    Sheet,
    Sold,
    Unusable,
    Verdict,
    answer,
    has_header,
    read,
)
from conformance.targets.portal.refunds import REFUSED

_ASKED_MAX = 20
"""So many open payments of one file are asked about at once; the poller has time for the rest."""

_VERDICTS = {
    FindingKind.MISSING_AT_PORTAL: Verdict.BANK_ONLY,
    FindingKind.LATE: Verdict.AGREED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What became of a file. `refused` is one word, "" = it was compared; `why` is a sentence."""

    refused: str = ""
    why: str = ""
    findings: tuple[Finding, ...] = ()
    reply_name: str = ""
    reply: bytes = b""


@dataclass(slots=True)
class _Comparison:
    """One file while it is gone through. `seen` are the payments, `given_back` the refunds found in it so far."""

    bank: str
    day: date
    calendar: Calendar
    findings: list[Finding] = field(default_factory=list)
    verdicts: list[tuple[Fields, Verdict]] = field(default_factory=list)
    open_orders: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    given_back: set[str] = field(default_factory=set)

    def find(self, kind: FindingKind, row: Listed, says: str) -> None:
        self.findings.append(
            Finding(
                bank=self.bank,
                business_date=self.day,
                kind=kind,
                money_ref=row.money_ref,
                order_ref=row.order_ref,
                bank_ref=row.bank_ref,
                amount_vnd=max(row.amount_vnd, 0),
                says=says,
            )
        )


async def reconcile(portal: Portal, bank: str, day: date, name: str, content: bytes) -> Compared:
    """Compares, keeps file, findings and answer, and asks the bank about what the books have open.

    Raises Unacceptable for a bank without files.
    """
    counterpart = counterparts().get(bank)
    if counterpart is None or counterpart.day_books is None:
        raise Unacceptable(f"{bank[:40]!r} sends no files of a business day")
    found, open_attempts = await asyncio.to_thread(_compare, portal, bank, counterpart.day_books, day, name, content)
    if open_attempts and counterpart.ask is not None:
        await asyncio.to_thread(asking.count, portal, open_attempts)
        for attempt in open_attempts:
            await asking.ask(portal, attempt)
    return found


def _compare(
    portal: Portal, bank: str, books: DayBooks, day: date, name: str, content: bytes
) -> tuple[Compared, list[Attempt]]:
    """What was found, and which payments that the bank lists as paid are open here."""
    merchant, secret = books.party(portal)
    layout = next((each for each in books.layouts if has_header(each, content)), books.layouts[0])
    try:
        sheet = read(layout, content, merchant, day, secret, portal.flaws)
    except Unusable as unusable:
        _keep(portal, bank, day, name, content, Compared(refused=unusable.kind, why=unusable.why), 0)
        return Compared(refused=unusable.kind, why=unusable.why), []
    with portal.books.writing() as entries:
        if Flaw.DAY_ONCE_ONLY in portal.flaws and (known := entries.day_file(bank, day)):
            return Compared(findings=tuple(entries.findings(bank, day)), reply=known.reply), []
        comparison = _Comparison(bank=bank, day=day, calendar=books.calendar())
        _go_through(entries, comparison, sheet, portal)
        _look_for_the_rest(entries, comparison, portal.flaws)
        open_attempts = [
            attempt
            for order_ref in comparison.open_orders[:_ASKED_MAX]
            if (attempt := entries.attempt(bank, order_ref)) and attempt.state is not AttemptState.PAID
        ]
    if Flaw.DAY_FILE_SETTLES in portal.flaws:
        _settle(portal, bank, sheet.listed)
    found = Compared(
        findings=tuple(comparison.findings),
        reply_name=books.reply_name(name) if layout.reply_columns else "",
        reply=_reply(sheet, comparison, secret, portal.flaws) if layout.reply_columns else b"",
    )
    _keep(portal, bank, day, name, content, found, len(sheet.listed))
    return found, open_attempts


def _go_through(entries: Entries, comparison: _Comparison, sheet: Sheet, portal: Portal) -> None:
    for row in sheet.listed:
        before = len(comparison.findings)
        _compare_row(entries, comparison, row, portal)
        found = comparison.findings[before:]
        verdict = _VERDICTS.get(found[0].kind, Verdict.DIFFERS) if found else Verdict.AGREED
        comparison.verdicts.append((row.fields, verdict))


def _compare_row(entries: Entries, comparison: _Comparison, row: Listed, portal: Portal) -> None:
    if row.trouble:
        comparison.seen.add(row.money_ref)
        comparison.find(FindingKind.BAD_ROW, row, f"the row is not believed: {row.trouble}")
        return
    credit = _credit(entries, comparison, row, portal)
    if row.what is Sold.REFUND and Flaw.DAY_REFUND_IS_PAYMENT not in portal.flaws:
        _compare_refund(entries, comparison, row, credit)
    elif row.money_ref in comparison.seen or _was_seen(portal, comparison.bank, row):
        if Flaw.DAY_DUPLICATE_UNSEEN not in portal.flaws:
            comparison.find(FindingKind.DUPLICATE, row, "the payment stands in the file a second time")
    else:
        comparison.seen.add(row.money_ref)
        _compare_payment(entries, comparison, row, credit, portal.flaws)


def _credit(entries: Entries, comparison: _Comparison, row: Listed, portal: Portal) -> Credit | None:
    credit = entries.credit_of_money(comparison.bank, row.money_ref)
    if credit is None or _is_forgotten(credit, portal.flaws):
        return None
    if Flaw.DAY_LATE_ROW_UNKNOWN in portal.flaws:
        begins_at, ends_at = comparison.calendar.span(comparison.day, portal.flaws)
        return credit if begins_at <= credit.paid_at < ends_at else None
    return credit


def _is_forgotten(credit: Credit, flaws: frozenset[Flaw]) -> bool:
    return Flaw.DAY_FLAGGED_FORGOTTEN in flaws and not credit.settles


def _was_seen(portal: Portal, bank: str, row: Listed) -> bool:
    """What the defect remembers of earlier files."""
    if Flaw.DAY_SEEN_IS_DUPLICATE not in portal.flaws:
        return False
    key = f"row:{bank}:{row.money_ref}"
    known = key in portal.handled
    portal.handled.add(key)
    return known


def _compare_payment(
    entries: Entries, comparison: _Comparison, row: Listed, credit: Credit | None, flaws: frozenset[Flaw]
) -> None:
    taken_back = row.what is Sold.TAKEN_BACK and Flaw.DAY_STATUS_NOT_READ not in flaws
    if credit is None:
        if not taken_back and Flaw.DAY_UNKNOWN_SKIPPED not in flaws:
            comparison.find(FindingKind.MISSING_AT_PORTAL, row, "the bank has this money, the books do not")
            comparison.open_orders.append(row.order_ref)
        return
    if taken_back:
        comparison.find(FindingKind.STATUS_DIFFERS, row, "the bank took the payment back, the books have it")
    elif row.amount_vnd != credit.amount_vnd and Flaw.DAY_AMOUNT_NOT_COMPARED not in flaws:
        says = f"the bank lists {row.amount_vnd} VND, the books have {credit.amount_vnd} VND"
        comparison.find(FindingKind.AMOUNT_DIFFERS, row, says)
        if Flaw.DAY_AMOUNT_OVERWRITTEN in flaws:
            entries.set_credit_amount(credit, row.amount_vnd)
    elif row.carried or credit.paid_at < comparison.calendar.span(comparison.day, flaws)[0]:
        comparison.find(FindingKind.LATE, row, "the row belongs to an earlier day, and agrees")
        entries.solve_missing(comparison.bank, row.money_ref)


def _compare_refund(entries: Entries, comparison: _Comparison, row: Listed, credit: Credit | None) -> None:
    """One of the refunds that were asked for, of that amount; which one, the bank does not say."""
    known: list[Refund] = entries.refunds(credit.once) if credit else []
    fits = [each for each in known if each.state != REFUSED and each.once not in comparison.given_back]
    same = next((each for each in fits if each.amount_vnd == row.amount_vnd), None)
    if same is None:
        comparison.find(FindingKind.MISSING_AT_PORTAL, row, "the bank gave money back, the books know no such refund")
        return
    comparison.given_back.add(same.once)


def _look_for_the_rest(entries: Entries, comparison: _Comparison, flaws: frozenset[Flaw]) -> None:
    """What the books have of that day and the file has not."""
    if Flaw.DAY_BOOKS_NOT_READ in flaws:
        return
    begins_at, ends_at = comparison.calendar.span(comparison.day, flaws)
    for credit in entries.credits_between(comparison.bank, begins_at, ends_at, Flaw.DAY_BY_ARRIVAL in flaws):
        if credit.money_ref in comparison.seen or _is_forgotten(credit, flaws):
            continue
        row = Listed(
            fields={},
            what=Sold.PAID,
            money_ref=credit.money_ref,
            order_ref=credit.order_ref,
            bank_ref=credit.bank_ref,
            amount_vnd=credit.amount_vnd,
        )
        comparison.find(FindingKind.MISSING_AT_BANK, row, "the books have this money, the bank's file does not")
        if Flaw.DAY_FILE_UNSETTLES in flaws and (attempt := entries.attempt(credit.bank, credit.order_ref)):
            entries.forget_credit(attempt)


def _settle(portal: Portal, bank: str, rows: Iterable[Listed]) -> None:
    """What the defect does that takes a file for the bank's word."""
    for row in rows:
        if row.what is Sold.PAID and not row.trouble:
            word = BankWord(
                bank=bank,
                order_ref=row.order_ref,
                money_ref=row.money_ref,
                amount_vnd=row.amount_vnd,
                outcome=Outcome.PAID,
                bank_ref=row.bank_ref,
            )
            settlement.settle(portal.books, word, portal.clock(), portal.flaws, portal.handled)


def _reply(sheet: Sheet, comparison: _Comparison, secret: str, flaws: frozenset[Flaw]) -> bytes:
    """The bank's rows with what was found. What only the books have is no row of the bank's: it goes by letter."""
    verdicts = comparison.verdicts
    if Flaw.DAY_REPLY_AGREES in flaws:
        verdicts = [(fields, Verdict.AGREED) for fields, _ in verdicts]
    return answer(sheet, _each_once(verdicts, sheet.layout), secret)


def _each_once(verdicts: list[tuple[Fields, Verdict]], layout: Layout) -> list[tuple[Fields, Verdict]]:
    """A row that the bank lists twice is answered once, with what was found of its copy."""
    known: dict[tuple[str, ...], tuple[Fields, Verdict]] = {}
    for fields, verdict in verdicts:
        known[tuple(list(fields.values())[:-1])] = (fields, verdict)
    return list(known.values())


def _keep(portal: Portal, bank: str, day: date, name: str, content: bytes, found: Compared, rows: int) -> None:
    """A file that was refused does not take the place of one that was compared."""
    file = DayFile(
        bank=bank,
        business_date=day,
        name=name,
        refused=found.refused,
        rows=rows,
        received_at=portal.clock(),
        content=content,
        reply_name=found.reply_name,
        reply=found.reply,
    )
    with portal.books.writing() as entries:
        known = entries.day_file(bank, day)
        if found.refused and known is not None and not known.refused:
            return
        entries.add_day_file(file, list(found.findings))
