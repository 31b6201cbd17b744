"""Facts about the audit of the banks' files: each payment in one row of its day, and every other row is found."""

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.day_files import VIETNAM, Fetched, fetch, files_between, firsts
from loadtests.files_audit import EXAMPLES_MAX, WATCH_S, Beside, FilesAudit, Flaw, audit_files, flaw_of
from loadtests.record import Journey, Record, make_record
from simulator.client import Banksim, FileView, StandingView
from tests.test_cli import serving

FEE = 50_000
MIDNIGHT = datetime(2026, 11, 22, 17, tzinfo=UTC)
NOON = MIDNIGHT.timestamp() + 12 * 3600
HEADER = "RecordType|TmnCode|TxnRef|TransactionNo|BankCode|Amount|PayDate|TransactionType|TransactionStatus|SecureHash"
MERCHANTS = {"vnpay": "DEMOV210", "sepay": "SP-TEST"}
ONCE = {"debits": 1, "debited_vnd": FEE, "sales": 1, "sales_vnd": FEE}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, None),
        ({"sales": 0, "sales_vnd": 0}, Flaw.MISSING),
        ({"sales": 2, "sales_vnd": 2 * FEE}, Flaw.TWICE),
        ({"sales_vnd": FEE - 1}, Flaw.WRONG_AMOUNT),
        ({"debits": 2, "debited_vnd": 2 * FEE}, Flaw.MISSING),
        ({"debits": 2, "debited_vnd": 2 * FEE, "sales": 2, "sales_vnd": 2 * FEE}, None),
        ({"returned_vnd": 100, "refunds_vnd": 100}, None),
        ({"returned_vnd": 100}, Flaw.WRONG_REFUND),
        ({"returned_vnd": 100, "refunds_vnd": 200}, Flaw.WRONG_REFUND),
        ({"refunds_vnd": 100}, Flaw.WRONG_REFUND),
        ({"returned_vnd": 100, "refunds": False}, None),
        ({"backs": 1, "backs_vnd": FEE, "refunds": False}, Flaw.WRONG_REFUND),
        ({"returned_vnd": FEE, "sales": 0, "sales_vnd": 0, "backs": 1, "backs_vnd": FEE}, None),
        ({"returned_vnd": FEE, "backs": 1, "backs_vnd": FEE}, None),
        ({"returned_vnd": FEE, "backs": 2, "backs_vnd": 2 * FEE}, Flaw.TWICE),
        ({"returned_vnd": FEE, "sales": 0, "sales_vnd": 0}, Flaw.MISSING),
        ({"returned_vnd": FEE, "sales": 0, "sales_vnd": 0, "cancelled": False}, None),
        ({"sales": 0, "sales_vnd": 0, "cancelled": False}, Flaw.MISSING),
    ],
)
def test_each_flaw(changed: dict[str, int], expected: Flaw | None) -> None:
    assert flaw_of(Beside(**(ONCE | changed))) is expected


numbers = st.integers(0, 3)


@given(numbers, numbers, numbers, numbers)
def test_a_file_without_a_flaw_adds_up_to_the_ledger(debits: int, returns: int, sales: int, refunds: int) -> None:
    each = Beside(
        debits=debits,
        debited_vnd=debits * FEE,
        returned_vnd=returns * FEE,
        sales=sales,
        sales_vnd=sales * FEE,
        refunds_vnd=refunds * FEE,
    )
    if flaw_of(each) is None and debits:
        assert each.sales_vnd - each.refunds_vnd == each.debited_vnd - each.returned_vnd


def journey(number: int, **given: object) -> Journey:
    told = {"order_ref": f"O{number}", "payment_id": f"P{number}", "paid": NOON, "bank": "vnpay"} | given
    return Journey(dossier_code=f"D{number}", method="redirect", amount_vnd=FEE, began=number, **told)  # type: ignore[arg-type]


def standing(number: int, **given: object) -> StandingView:
    told = {
        "number": number,
        "payment_id": f"P{number}",
        "bank": "vnpay",
        "merchant_code": "DEMOV210",
        "order_ref": f"O{number}",
        "state": "paid",
        "debited_vnd": FEE,
        "returned_vnd": 0,
        "telling": False,
    }
    return StandingView(**(told | given))  # type: ignore[arg-type]


def row(number: int, amount_vnd: int = FEE, kind: str = "01", status: str = "00") -> str:
    return f"02|DEMOV210|O{number}|B{number}|NCB|{amount_vnd * 100}|20261123120000|{kind}|{status}|seal"


def day_file(day: date = date(2026, 11, 23), **given: object) -> FileView:
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=7)
    told = {
        "bank": "vnpay",
        "merchant_code": "DEMOV210",
        "kind": "day",
        "title": "",
        "business_date": day,
        "begins_at": begins,
        "ends_at": begins + timedelta(days=1),
        "ready_at": begins,
        "name": f"{day}.txt",
        "folder": "",
        "reply_name": "",
        "reply_folder": "",
    }
    return FileView(**(told | given))  # type: ignore[arg-type]


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    make_record(tmp_path / "record.db")
    with Record(tmp_path / "record.db") as kept:
        yield kept


def fetched(folder: Path, *lines: str, file: FileView | None = None) -> Fetched:
    file = file or day_file()
    path = folder / file.name
    path.write_text("\n".join((HEADER, *lines, "09|DEMOV210|20261123|0|0|0|seal")), encoding="utf-8")
    return Fetched(file, path, 0.1)


def found(tmp_path: Path, files: list[Fetched], *standings: StandingView) -> FilesAudit:
    return audit_files(tmp_path / "record.db", files, iter(standings), MERCHANTS)


def flaws(result: FilesAudit) -> dict[Flaw, int]:
    return {flaw: count for (_, _, flaw), count in result.counts.items()}


def test_files_that_say_what_the_ledger_says_are_right(record: Record, tmp_path: Path) -> None:
    record.add_journeys([journey(1), journey(2), journey(3, paid=0.0), journey(4, bank="sepay")])
    refunded = standing(2, returned_vnd=100)
    result = found(tmp_path, [fetched(tmp_path, row(1), row(2), row(2, 100, "03"))], standing(1), refunded)
    assert (result.wrong, result.payments) == (0, 2)
    [file] = result.files
    assert (file.sales, file.sales_vnd, file.returns, file.returns_vnd) == (2, 2 * FEE, 1, 100)


def test_every_wrong_row_is_found_with_its_place(record: Record, tmp_path: Path) -> None:
    record.add_journeys([journey(number) for number in range(1, 6)])
    lines = [row(1, FEE + 1), row(2), row(2), row(7), "02|DEMOV210|O8"]
    told = [standing(number) for number in range(1, 5)]
    result = found(tmp_path, [fetched(tmp_path, *lines)], *told)
    assert flaws(result) == {
        Flaw.WRONG_AMOUNT: 1,
        Flaw.TWICE: 1,
        Flaw.MISSING: 2,
        Flaw.NOBODYS: 1,
        Flaw.UNREADABLE: 1,
        Flaw.UNBOOKED: 1,
    }
    shown = {
        each.flaw: (each.order_ref, each.dossier_code, each.ledger_vnd, each.file_vnd, each.line)
        for each in result.examples
    }
    assert shown[Flaw.WRONG_AMOUNT] == ("O1", "D1", FEE, FEE + 1, 2)
    assert shown[Flaw.TWICE] == ("O2", "D2", FEE, 2 * FEE, 4)
    assert shown[Flaw.NOBODYS] == ("O7", "", 0, FEE, 5)
    assert shown[Flaw.UNBOOKED] == ("O5", "D5", 0, FEE, 0)
    assert shown[Flaw.UNREADABLE][-1] == 6


def test_another_runs_payment_needs_no_row_and_may_have_one(record: Record, tmp_path: Path) -> None:
    record.add_journeys([journey(1)])
    result = found(tmp_path, [fetched(tmp_path, row(1), row(9))], standing(1), standing(8), standing(9))
    assert (result.wrong, result.payments) == (0, 1)


def test_only_the_connectors_own_merchant_is_looked_at(record: Record, tmp_path: Path) -> None:
    record.add_journeys([journey(1)])
    result = found(tmp_path, [fetched(tmp_path, row(1), row(2))], standing(1), standing(2, merchant_code="OTHER"))
    assert flaws(result) == {Flaw.NOBODYS: 1}


def test_held_money_is_in_no_file_and_not_unbooked(record: Record, tmp_path: Path) -> None:
    record.add_journeys([journey(1)])
    held = standing(1, state="suspected")
    assert found(tmp_path, [fetched(tmp_path)], held).wrong == 0
    assert flaws(found(tmp_path, [fetched(tmp_path, row(1))], held)) == {Flaw.TWICE: 1}


@pytest.mark.parametrize(
    ("paid", "expected"),
    [
        (MIDNIGHT.timestamp() + 60, {}),
        (MIDNIGHT.timestamp() - WATCH_S + 1, {}),
        (MIDNIGHT.timestamp() - WATCH_S - 1, {Flaw.WRONG_DAY: 1}),
        (MIDNIGHT.timestamp() + 24 * 3600 + WATCH_S - 1, {}),
        (MIDNIGHT.timestamp() + 24 * 3600 + WATCH_S, {Flaw.WRONG_DAY: 1}),
    ],
)
def test_the_payers_watch_tells_the_day(record: Record, tmp_path: Path, paid: float, expected: dict[Flaw, int]) -> None:
    record.add_journeys([journey(1, paid=paid)])
    assert flaws(found(tmp_path, [fetched(tmp_path, row(1))], standing(1))) == expected


def test_a_row_in_the_files_of_two_days_is_there_twice(record: Record, tmp_path: Path) -> None:
    record.add_journeys([journey(1), journey(2)])
    days = [day_file(), day_file(date(2026, 11, 24))]
    files = [fetched(tmp_path, row(1), file=days[0]), fetched(tmp_path, row(1), row(2), file=days[1])]
    assert flaws(found(tmp_path, files, standing(1), standing(2))) == {Flaw.TWICE: 1, Flaw.WRONG_DAY: 1}


def test_the_first_examples_of_each_flaw_are_shown(record: Record, tmp_path: Path) -> None:
    many = [standing(number) for number in range(20)]
    record.add_journeys([journey(number) for number in range(20)])
    result = found(tmp_path, [fetched(tmp_path, row(50), row(51))], *many)
    assert flaws(result) == {Flaw.MISSING: 20, Flaw.NOBODYS: 2}
    assert len(result.examples) == EXAMPLES_MAX + 2


def test_many_rows_do_not_pass_through_memory(record: Record, tmp_path: Path) -> None:
    many = 20_000
    record.add_journeys(journey(number) for number in range(many))
    file = fetched(tmp_path, *map(row, range(many)))
    tracemalloc.start()
    result = audit_files(tmp_path / "record.db", [file], (standing(number) for number in range(many)), MERCHANTS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (result.wrong, result.payments) == (0, many)
    assert peak < 3_000_000, "less than 150 bytes a row"


def test_the_days_are_those_of_each_bank(tmp_path: Path) -> None:
    """tt-184-2015#window: a Saturday and a Sunday belong to Monday's business day."""
    merchants = {"vnpay": "DEMOV210", "dvcqg": "DEMO", "napas": "", "vietinbank": "9111"}
    saturday = datetime(2026, 11, 21, 3, tzinfo=UTC).timestamp()
    with serving(tmp_path, "--manual-clock", "--sandbox", "ci") as served, Banksim(served.url) as there:
        sandbox = there.sandbox("ci")
        merchants["napas"] = next(each.merchant_code for each in sandbox.merchants() if each.bank == "napas")
        short = files_between(sandbox, merchants, saturday, saturday + 60)
        long = files_between(sandbox, merchants, saturday, saturday + 14 * 3600)
        late = files_between(sandbox, merchants, saturday + 13.5 * 3600, saturday + 13.6 * 3600)
    assert [(each.bank, each.kind, each.business_date.day) for each in short] == [
        ("dvcqg", "treasury", 23),
        ("napas", "tc", 21),
        ("vietinbank", "va", 21),
        ("vietinbank", "bill", 21),
        ("vnpay", "day", 21),
    ]
    assert [each.business_date.day for each in long if each.bank == "napas"] == [21, 22]
    assert [each.business_date.day for each in long if each.bank == "dvcqg"] == [23]
    assert [each.business_date.day for each in late if each.bank == "napas"] == [22], "23:30 is after the cut-off"
    assert [each.kind for each in firsts(short)] == ["treasury", "tc", "va", "day"]


def test_across_a_cut_off_each_payment_is_in_the_file_of_its_day(record: Record, tmp_path: Path) -> None:
    """tt-184-2015#window: from 16:00 on Friday all money is Monday's."""
    friday = datetime(2026, 11, 20, 15, tzinfo=VIETNAM)
    moments = {"A": friday, "B": friday + timedelta(hours=2), "C": friday + timedelta(hours=19)}
    merchants = {"vietinbank": "9111"}
    told: dict[str, dict[str, str]] = {}
    with serving(tmp_path) as served, Banksim(served.url) as there:
        sandbox = there.create_sandbox("cut", clock_at=friday)
        sandbox.set_merchant("vietinbank", "9111", options={"business_day": "treasury"})
        for bill_code, moment in moments.items():
            sandbox.advance_to(moment)
            payment_id = sandbox.pay_unasked("vietinbank", bill_code, FEE).payment_id
            told[bill_code] = {"bank": "vietinbank", "order_ref": bill_code, "payment_id": payment_id}
            record.add_journeys([journey(ord(bill_code), paid=moment.timestamp(), **told[bill_code])])
        files = files_between(sandbox, merchants, friday.timestamp(), moments["C"].timestamp())
        read = [fetch(sandbox, file, tmp_path) for file in files]
        right = audit_files(record.path, read, sandbox.standings(), merchants)
        record.add_journeys([journey(ord("B"), paid=friday.timestamp(), **told["B"])])
        odd = audit_files(record.path, read, sandbox.standings(), merchants)
    counted = {(each.kind, each.business_date): each.sales for each in right.files}
    assert counted == {
        ("va", "2026-11-20"): 1,
        ("bill", "2026-11-20"): 1,
        ("va", "2026-11-23"): 2,
        ("bill", "2026-11-23"): 2,
    }
    assert (right.wrong, right.payments) == (0, 6)
    assert {(kind, flaw) for _, kind, flaw in odd.counts} == {("va", Flaw.WRONG_DAY), ("bill", Flaw.WRONG_DAY)}
    assert {each.order_ref for each in odd.examples} == {"B"}
