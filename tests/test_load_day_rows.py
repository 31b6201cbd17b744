"""Facts about how the audit reads a bank's file: every kind there is, every movement, and what is no row."""

import pytest

from loadtests.day_rows import FORMS, Moved, Row, rows
from simulator.settlement.day import Kind
from tests.test_settlement_files import FILES, refund_of, sale, sheet

MOVED = {
    Kind.SALE: Moved.SALE,
    Kind.CANCELLED: Moved.TAKEN_BACK,
    Kind.REVERSAL: Moved.TAKEN_BACK,
    Kind.REFUND: Moved.REFUND,
}


def read(kind: str, content: bytes) -> list[Row]:
    return list(rows(kind, content.splitlines(keepends=True)))


def test_every_kind_of_file_can_be_read() -> None:
    assert set(FORMS) == set(FILES)


@pytest.mark.parametrize("kind", sorted(FORMS))
def test_a_row_says_what_the_bank_wrote(kind: str) -> None:
    form = FILES[kind]
    lines = [sale("A", 50_000), refund_of("B", 20_000), sale("C", 70_000, Kind.CANCELLED), sale("D", 1, Kind.REVERSAL)]
    lines = [line for line in lines if form.takes(line)]
    found = read(kind, form.write(sheet(*lines)))
    wanted = [(f"K{line.order_ref}" if kind == "card" else line.order_ref, line.amount_vnd) for line in lines]
    assert [(row.order_ref, row.amount_vnd) for row in found] == wanted
    moved = [MOVED[line.kind] for line in lines]
    if kind == "tc":
        moved = [Moved.REFUND if each is Moved.TAKEN_BACK else each for each in moved]
    assert [row.moved for row in found] == moved
    assert [row.line for row in found] == list(range(2, len(lines) + 2))
    assert FORMS[kind].refunds == any(row.moved is Moved.REFUND for row in found)
    assert FORMS[kind].cancelled == form.takes(sale("C", 70_000, Kind.CANCELLED))


@pytest.mark.parametrize("kind", sorted(FORMS))
def test_head_and_foot_are_no_rows(kind: str) -> None:
    assert read(kind, FILES[kind].write(sheet())) == []
    assert read(kind, b"") == []


def spoilt(kind: str, amount: str) -> list[Row]:
    header, line, *_ = FILES[kind].write(sheet(sale("A", 50_000))).decode().split("\n")
    written = f"|{50_000 * FORMS[kind].parts}|"
    assert written in line
    return read(kind, f"{header}\n{line.replace(written, f'|{amount}|')}\n".encode())


@pytest.mark.parametrize("amount", ["", "50O00", "-1", "9" * 18, "٥", "1|2", "50000.00"])
@pytest.mark.parametrize("kind", sorted(set(FORMS) - {"tc"}))
def test_what_is_no_amount_is_unreadable(kind: str, amount: str) -> None:
    assert spoilt(kind, amount) == [Row(2, Moved.UNREADABLE)]


def test_half_a_dong_is_unreadable() -> None:
    content = FILES["day"].write(sheet(sale("A", 50_000))).replace(b"5000000", b"5000050")
    assert read("day", content) == [Row(2, Moved.UNREADABLE)]


def test_a_row_of_napas_without_its_tags_is_unreadable() -> None:
    assert read("tc", b"HR[REV]  971000[DATE]23112026\nDR[MTI]0210\nTR[NOT]000000001") == [Row(2, Moved.UNREADABLE)]


def test_a_kind_that_nobody_knows_is_said() -> None:
    with pytest.raises(KeyError):
        list(rows("weekly", [b"a row"]))
