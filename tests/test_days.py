"""The suite's own view of business days: whichever day a run falls on, it finds the day that its payments belong to."""

from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.bench import Bench, Visit
from conformance.days import OF_THE_FILE, Days
from conformance.requirement import Failure, NotApplicable
from conformance.target import Checkout, CheckoutKind, Discrepancy, DiscrepancyKind, Report
from simulator.clock import VIETNAM
from simulator.holidays import public_holidays
from simulator.settlement.day import CutOff, date_of, day_of, parse_cut_off

RULES = {
    "midnight": parse_cut_off("00:00"),
    "evening": parse_cut_off("23:00"),
    "treasury": msgspec.structs.replace(parse_cut_off("treasury"), days_off=public_holidays()),
}
INSTANTS = st.integers(0, 700 * 24 * 60).map(
    lambda minute: datetime(2025, 2, 1, tzinfo=VIETNAM) + timedelta(minutes=minute)
)
VISIT = Visit("HS-1", 50_000, Checkout(kind=CheckoutKind.BILL, order_ref="B1", bill_code="B1"))


def days(rule: CutOff, now: datetime, bank: str = "dvcqg") -> Days:
    """Of a bank whose files follow that rule, and whose clock says that it is `now`."""

    def settlements(day: date) -> tuple[Any, ...]:
        found = day_of(day, rule)
        return (
            SimpleNamespace(
                bank="dvcqg",
                merchant_code="DEMO",
                business_date=day,
                begins_at=found.begins_at,
                ends_at=found.ends_at,
                ready_at=found.ready_at,
            ),
        )

    sandbox = SimpleNamespace(settlements=settlements, clock=lambda: SimpleNamespace(now=now))
    bench = SimpleNamespace(
        bank=bank,
        sandbox=sandbox,
        merchant=SimpleNamespace(merchant_code="DEMO"),
        known_payment=lambda visit: SimpleNamespace(order_ref="B1", order_key="T1", bank_ref="R1"),
        bill_code=lambda visit: visit.checkout.bill_code,
        tell=lambda sentence: None,
    )
    return Days(cast(Bench, bench))


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@given(now=INSTANTS)
def test_the_day_of_a_payment_is_the_banks(rule: CutOff, now: datetime) -> None:
    found = days(rule, now)
    today = found.today()
    assert today.business_date == date_of(now, rule)
    assert found.after(today).begins_at == today.ends_at
    assert found.last_over().ends_at == today.begins_at
    assert found.long_ago().ends_at < now - timedelta(days=40)


def test_the_years_last_day_is_a_working_day() -> None:
    found = days(RULES["treasury"], datetime(2029, 3, 1, tzinfo=VIETNAM))
    assert found.last_of_year(2028).business_date == date(2028, 12, 29)
    assert found.after(found.last_of_year(2026)).business_date == date(2027, 1, 4)


def test_a_bank_without_files_is_not_asked() -> None:
    with pytest.raises(NotApplicable):
        days(RULES["midnight"], datetime(2026, 1, 1, tzinfo=VIETNAM), "sepay").today()


THE_DAYS = days(RULES["midnight"], datetime(2026, 1, 1, tzinfo=VIETNAM))
MISSING = Discrepancy(kind=DiscrepancyKind.MISSING_AT_BANK, bank_ref="R1")


def test_a_payment_is_found_in_a_report_by_any_of_its_names() -> None:
    for name in ("B1", "T1", "R1", "HS-1"):
        by_order = Report(discrepancies=(Discrepancy(kind=DiscrepancyKind.OTHER, order_ref=name),))
        by_bank = Report(discrepancies=(Discrepancy(kind=DiscrepancyKind.OTHER, bank_ref=name),))
        assert THE_DAYS.about(by_order, VISIT)
        assert THE_DAYS.about(by_bank, VISIT)
    others = Report(discrepancies=(Discrepancy(kind=DiscrepancyKind.OTHER, order_ref="B2"),))
    assert THE_DAYS.about(others, VISIT) == []


def test_what_is_said_of_others_and_of_late_rows_is_no_disagreement() -> None:
    late = Discrepancy(kind=DiscrepancyKind.LATE, order_ref="B1")
    stranger = Discrepancy(kind=DiscrepancyKind.MISSING_AT_BANK, order_ref="SOMEBODY-ELSES")
    THE_DAYS.expect_agrees(Report(discrepancies=(late, stranger)), VISIT)


@pytest.mark.parametrize(
    "report",
    [
        Report(refused="no"),
        Report(discrepancies=(MISSING,)),
        Report(discrepancies=(Discrepancy(kind=DiscrepancyKind.BAD_COUNT),)),
    ],
)
def test_a_true_file_that_is_refused_or_objected_to_is_a_failure(report: Report) -> None:
    with pytest.raises(Failure):
        THE_DAYS.expect_agrees(report, VISIT)


def test_a_discrepancy_must_be_reported_as_what_it_is() -> None:
    THE_DAYS.expect_reported(Report(discrepancies=(MISSING,)), VISIT, DiscrepancyKind.MISSING_AT_BANK)
    for report in (Report(discrepancies=(MISSING,)), Report(), Report(refused="no")):
        with pytest.raises(Failure):
            THE_DAYS.expect_reported(report, VISIT, DiscrepancyKind.DUPLICATE)


def test_a_false_file_is_refused_or_reported_and_blames_no_payment() -> None:
    faulty = Discrepancy(kind=DiscrepancyKind.BAD_CHECKSUM)
    for report in (Report(refused="no"), Report(discrepancies=(faulty,))):
        THE_DAYS.expect_not_believed(report, VISIT, kinds=OF_THE_FILE)
    for report in (Report(), Report(discrepancies=(faulty, MISSING)), Report(discrepancies=(MISSING,))):
        with pytest.raises(Failure):
            THE_DAYS.expect_not_believed(report, VISIT, kinds=OF_THE_FILE)
