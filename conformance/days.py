"""A bank's business days: its file of one, with whatever is wrong with it, and what the connector says of it.

Rule: a connector is never emptied, so its report is read only for the payments of this story. The bank's clock goes
on past the end of a day, whatever the connector's own says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from typing import Any

from conformance.bench import Bench, Visit
from conformance.requirement import NotApplicable, expect
from conformance.target import Discrepancy, DiscrepancyKind, Report
from simulator.client import FileView, ReplyView

FILED = ("vnpay", "dvcqg", "vietinbank", "vietinbank_thvqr", "napas", "vietinbank_wallet")
"""The banks with files of a business day."""

VIETNAM = timezone(timedelta(hours=7), "GMT+7")
ONE_DAY = timedelta(days=1)
LONG_AGO = timedelta(days=45)
LOOKED_AT = 14
"""A holiday of so many days is not known."""

OF_THE_FILE = frozenset(
    {
        *(DiscrepancyKind.BAD_CHECKSUM, DiscrepancyKind.BAD_COUNT, DiscrepancyKind.BAD_ROW),
        *(DiscrepancyKind.FOREIGN, DiscrepancyKind.OTHER),
    }
)
"""Said of a file that is not to be believed as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankFile:
    """As the bank puts it into its folder. `faults` are those that it was made with."""

    bank: str
    business_date: date
    name: str
    content: bytes
    faults: Mapping[str, Any]


class Days:
    """The business days of the bench's bank."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._sandbox = bench.sandbox
        self._views: dict[date, FileView] = {}

    # --- which day --------------------------------------------------------------------------------------------

    def today(self) -> FileView:
        """The business day that the bank's money of this moment belongs to."""
        return self.day_of(self._sandbox.clock().now)

    def day_of(self, instant: datetime) -> FileView:
        found = self._closing(instant.astimezone(VIETNAM).date(), ONE_DAY)
        while found.ends_at <= instant:
            found = self.after(found)
        return found

    def after(self, day: FileView) -> FileView:
        return self._closing(day.business_date + ONE_DAY, ONE_DAY)

    def last_over(self) -> FileView:
        """The last business day that is over."""
        return self._closing(self.today().business_date - ONE_DAY, -ONE_DAY)

    def long_ago(self) -> FileView:
        """A business day on which nobody paid anything."""
        return self._closing(self._sandbox.clock().now.astimezone(VIETNAM).date() - LONG_AGO, -ONE_DAY)

    def last_of_year(self, year: int) -> FileView:
        return self._closing(date(year, 12, 31), -ONE_DAY)

    def _closing(self, day: date, step: timedelta) -> FileView:
        """That date if it is a business day of its own, else the next one in that direction."""
        for _ in range(LOOKED_AT):
            found, following = self._view(day), self._view(day + ONE_DAY)
            if found.ends_at == following.begins_at:
                return found
            day += step
        raise AssertionError(f"{self._bench.bank} has no business day around {day}")

    def _view(self, day: date) -> FileView:
        if day not in self._views:
            self._views[day] = self._looked_up(day)
        return self._views[day]

    def _looked_up(self, day: date) -> FileView:
        merchant_code = self._bench.merchant.merchant_code
        for each in self._sandbox.settlements(day):
            if (each.bank, each.merchant_code) == (self._bench.bank, merchant_code):
                return each
        raise NotApplicable("this bank sends no file of a business day")

    # --- what happens -----------------------------------------------------------------------------------------

    def paid(self, count: int = 1) -> list[Visit]:
        """So many dossiers, paid and known to be paid."""
        visits = [self._bench.open() for _ in range(count)]
        for visit in visits:
            self._bench.settle(visit)
        for visit in visits:
            self._bench.expect_paid_once(visit)
        return visits

    def begin_at(self, instant: datetime) -> None:
        """The bank starts anew with its clock at that instant, which may be past."""
        self._bench.rewind(instant)

    def pass_to(self, instant: datetime) -> None:
        """The bank's clock goes on to that instant, if it has not come there yet."""
        if instant > self._sandbox.clock().now:
            self._bench.tell(f"at the bank it becomes {instant.astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}")
            self._sandbox.advance_to(instant)

    def file(self, day: FileView, since: date | None = None, **faults: Any) -> BankFile:
        """The bank's file of that day, made when it is over; rows in `faults` are named as `row` does.

        With `since`, of all days from that one on.
        """
        self.pass_to(max(day.ends_at, day.ready_at))
        made = self._sandbox.settle(
            self._bench.bank, day.business_date, merchant_code=day.merchant_code, since=since, faults=faults or None
        )
        wrong = ", ".join(name.replace("_", " ") for name in faults) or "as its books have it"
        self._bench.tell(f"the bank makes its file of {day.business_date} ({wrong})")
        return BankFile(
            bank=self._bench.bank,
            business_date=day.business_date,
            name=made.name,
            content=made.content,
            faults=faults,
        )

    def file_of(self, bank: str, merchant_code: str, day: FileView) -> BankFile:
        """The file of that date for another merchant, or of another bank."""
        made = self._sandbox.settle(bank, day.business_date, merchant_code=merchant_code)
        return BankFile(
            bank=self._bench.bank,
            business_date=day.business_date,
            name=made.name,
            content=made.content,
            faults={},
        )

    def hand_in(self, file: BankFile, told: str = "the file") -> Report:
        report = self._bench.target.reconcile(file.bank, file.business_date, file.name, file.content)
        said = f"refuses it: {report.refused[:120]}" if report.refused else f"reports {_shown(report.discrepancies)}"
        self._bench.tell(f"the connector is handed {told} of {file.business_date}, and {said}")
        return report

    def hand_in_bytes(self, file: BankFile, content: bytes, told: str) -> Report:
        return self.hand_in(replace(file, content=content), told)

    def answer(self, file: BankFile, reply: bytes) -> ReplyView:
        """What the bank understands of the connector's own file."""
        self._bench.tell("the connector's answer is put into the bank's folder")
        merchant_code = self._bench.merchant.merchant_code
        return self._sandbox.reply(
            self._bench.bank, file.business_date, reply, merchant_code=merchant_code, faults=file.faults or None
        )

    def row(self, visit: Visit) -> str:
        """How the bank's file calls this payment's row."""
        known = self._bench.known_payment(visit)
        return known.order_ref if known else self._bench.bill_code(visit)

    # --- what must hold ---------------------------------------------------------------------------------------

    def about(self, report: Report, visit: Visit) -> list[Discrepancy]:
        """What the report says of this payment, by any name that it has."""
        known = self._bench.known_payment(visit)
        names = {visit.order_ref, visit.dossier_code, self._bench.bill_code(visit)}
        if known is not None:
            names |= {known.order_ref, known.order_key, known.bank_ref}
        names -= {""}
        return [each for each in report.discrepancies if each.order_ref in names or each.bank_ref in names]

    def expect_agrees(self, report: Report, *visits: Visit) -> None:
        """Nothing is said against the file, nor of these payments but that one comes late."""
        expect(not report.refused, "a true file is compared", expected="a report", actual=report.refused[:300])
        unnamed = [each for each in report.discrepancies if not each.order_ref and not each.bank_ref]
        found = [each for visit in visits for each in self.about(report, visit)] + unnamed
        against = [each for each in found if each.kind is not DiscrepancyKind.LATE]
        sentence = "no discrepancy is reported where bank and books agree"
        expect(not against, sentence, expected="none", actual=_shown(tuple(against)))

    def expect_reported(self, report: Report, visit: Visit, *kinds: DiscrepancyKind) -> None:
        """This payment's discrepancy is reported as what it is."""
        found = self.about(report, visit)
        expect(
            any(each.kind in kinds for each in found),
            "the discrepancy is reported",
            expected=f"{' or '.join(kinds)} of {visit.order_ref}",
            actual=report.refused[:300] or _shown(tuple(found)),
        )

    def expect_not_believed(self, report: Report, *visits: Visit, kinds: frozenset[DiscrepancyKind]) -> None:
        """Refused as a whole, or reported as faulty; and no payment is called missing by it."""
        told = bool(report.refused) or any(each.kind in kinds for each in report.discrepancies)
        sentence = "a file that cannot be true is refused, or reported as faulty"
        wanted = f"a refusal, or {' or '.join(sorted(kinds))}"
        expect(told, sentence, expected=wanted, actual=_shown(report.discrepancies))
        missing = [
            each
            for visit in visits
            for each in self.about(report, visit)
            if each.kind is DiscrepancyKind.MISSING_AT_BANK
        ]
        expect(
            not missing, "no payment is called missing by such a file", expected="none", actual=_shown(tuple(missing))
        )


def _shown(discrepancies: tuple[Discrepancy, ...]) -> str:
    """The first of them in one line."""
    shown = [f"{each.kind} {each.order_ref or each.bank_ref}".strip() for each in discrepancies[:4]]
    more = f" and {len(discrepancies) - len(shown)} more" if len(discrepancies) > len(shown) else ""
    return ", ".join(shown) + more if shown else "no discrepancy"
