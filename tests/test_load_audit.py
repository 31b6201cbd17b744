"""Facts about the audit: it finds exactly what does not agree, by bank, and remembers the first examples."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadtests.audit import EXAMPLES_MAX, Audit, BankRow, ConnectorRow, audit
from loadtests.judging import Fate
from loadtests.record import Journey, Record, make_record

FEE = 50_000


def journey(number: int, bank: str = "vnpay", **given: object) -> Journey:
    told = {"order_ref": f"O{number}", "payment_id": f"P{number}", "paid": 1.0} | given
    return Journey(dossier_code=f"D{number:07d}", bank=bank, method="redirect", amount_vnd=FEE, began=number, **told)  # type: ignore[arg-type]


def at_bank(number: int, bank: str = "vnpay", **given: object) -> BankRow:
    told: dict[str, object] = {
        "payment_id": f"P{number}",
        "bank": bank,
        "order_ref": f"O{number}",
        "debited_vnd": FEE,
        "returned_vnd": 0,
        "telling": False,
    }
    return BankRow(**(told | given))  # type: ignore[arg-type]


def at_connector(number: int, **given: object) -> ConnectorRow:
    told: dict[str, object] = {
        "dossier_code": f"D{number:07d}",
        "paid": True,
        "booked_vnd": FEE,
        "receipts": 1,
        "due_vnd": 0,
        "refunded_vnd": 0,
    }
    return ConnectorRow(**(told | given))  # type: ignore[arg-type]


UNPAID = {"paid": False, "booked_vnd": 0, "receipts": 0}


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    make_record(tmp_path / "record.db")
    with Record(tmp_path / "record.db") as kept:
        yield kept


def found(tmp_path: Path, bank: list[BankRow], connector: list[ConnectorRow], **given: float) -> Audit:
    return audit(tmp_path / "record.db", iter(bank), iter(connector), **given)


def fates(result: Audit) -> dict[Fate, int]:
    return {fate: result.total(fate).dossiers for _, fate in result.counts}


def test_books_that_agree_are_clean(record: Record, tmp_path: Path) -> None:
    record.add_journeys([journey(1), journey(2, paid=0.0)])
    result = found(tmp_path, [at_bank(1)], [at_connector(1), at_connector(2, **UNPAID)])
    assert result.clean
    assert fates(result) == {Fate.SETTLED_ONCE: 1, Fate.NOT_PAID: 1}
    assert (result.total().debited_vnd, result.total().booked_vnd) == (FEE, FEE)


def test_what_does_not_agree_is_found_by_bank(record: Record, tmp_path: Path) -> None:
    record.add_journeys([journey(1), journey(2), journey(3, "sepay"), journey(4, "sepay")])
    result = found(
        tmp_path,
        [at_bank(1), at_bank(2, telling=True), at_bank(3, "sepay")],
        [at_connector(1, **UNPAID), at_connector(2, **UNPAID), at_connector(3, receipts=2), at_connector(4)],
    )
    assert not result.clean
    assert {key: each.dossiers for key, each in result.counts.items()} == {
        ("vnpay", Fate.LOST): 1,
        ("vnpay", Fate.STUCK): 1,
        ("sepay", Fate.DOUBLED): 1,
        ("sepay", Fate.PHANTOM): 1,
    }
    assert result.total(bank="vnpay").debited_vnd == 2 * FEE


def test_a_dossier_that_the_connector_never_heard_of_is_lost(record: Record, tmp_path: Path) -> None:
    record.add_journeys([journey(1)])
    assert fates(found(tmp_path, [at_bank(1)], [])) == {Fate.LOST: 1}


def test_a_second_payment_of_the_same_order_belongs_to_the_dossier(record: Record, tmp_path: Path) -> None:
    record.add_journeys([journey(1)])
    twice = [at_bank(1), at_bank(1, payment_id="P1b")]
    assert fates(found(tmp_path, twice, [at_connector(1, due_vnd=FEE)])) == {Fate.REFUND_DUE: 1}
    assert fates(found(tmp_path, twice, [at_connector(1)])) == {Fate.WRONG_AMOUNT: 1}


def test_a_payer_whose_way_was_cut_short_is_found_by_the_order(record: Record, tmp_path: Path) -> None:
    record.add_journeys([journey(1, payment_id="", paid=0.0)])
    assert fates(found(tmp_path, [at_bank(1)], [at_connector(1, **UNPAID)])) == {Fate.LOST: 1}


def test_payers_without_an_order_are_nobodys(record: Record, tmp_path: Path) -> None:
    record.add_journeys([journey(1, payment_id="", order_ref=""), journey(2, payment_id="", order_ref="")])
    result = found(tmp_path, [at_bank(9, order_ref="", payment_id="P9")], [])
    assert fates(result) == {Fate.NOT_PAID: 2}
    assert (result.strangers.dossiers, result.strangers.debited_vnd) == (1, FEE)


def test_who_came_later_is_not_judged_yet(record: Record, tmp_path: Path) -> None:
    record.add_journeys([journey(1), journey(2)])
    rows = [at_bank(1), at_bank(2)], [at_connector(1), at_connector(2, **UNPAID)]
    assert fates(found(tmp_path, *rows, until=1.5)) == {Fate.SETTLED_ONCE: 1}
    assert fates(found(tmp_path, *rows, since=1.5)) == {Fate.LOST: 1}


def test_the_first_examples_are_shown(record: Record, tmp_path: Path) -> None:
    record.add_journeys([journey(number) for number in range(1, 20)])
    result = found(tmp_path, [at_bank(number) for number in range(1, 20)], [])
    assert [each.dossier_code for each in result.examples[Fate.LOST]] == [f"D{n + 1:07d}" for n in range(EXAMPLES_MAX)]
    assert Fate.SETTLED_ONCE not in result.examples


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(leaks=st.lists(st.sampled_from(["kept", "dropped", "doubled"]), min_size=1, max_size=60))
def test_what_a_connector_leaks_is_found_exactly(tmp_path_factory: pytest.TempPathFactory, leaks: list[str]) -> None:
    folder = tmp_path_factory.mktemp("leaks")
    make_record(folder / "record.db")
    with Record(folder / "record.db") as kept:
        kept.add_journeys(journey(number) for number, _ in enumerate(leaks, 1))
    books = {"kept": {}, "dropped": UNPAID, "doubled": {"booked_vnd": 2 * FEE, "receipts": 2}}
    result = found(
        folder,
        [at_bank(number) for number, _ in enumerate(leaks, 1)],
        [at_connector(number, **books[leak]) for number, leak in enumerate(leaks, 1)],
    )
    expected = {"kept": Fate.SETTLED_ONCE, "dropped": Fate.LOST, "doubled": Fate.DOUBLED}
    assert fates(result) == {expected[leak]: leaks.count(leak) for leak in set(leaks)}


def test_many_payments_do_not_pass_through_memory(record: Record, tmp_path: Path) -> None:
    many = 20_000
    record.add_journeys(journey(number) for number in range(1, many + 1))
    tracemalloc.start()
    result = audit(
        tmp_path / "record.db",
        (at_bank(number) for number in range(1, many + 1)),
        (at_connector(number) for number in range(1, many + 1)),
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert fates(result) == {Fate.SETTLED_ONCE: many}
    assert peak < 2_000_000, "less than a hundred bytes a payment"
