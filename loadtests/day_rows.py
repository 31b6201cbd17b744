"""What the rows of a bank's file of a business day say: whose money, how much, and whether it came or went. Pure.

Rule: an auditor's own reading, a line after another; nothing of what writes the files is used.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

BOM = "\ufeff"
DIGITS_MAX = 17
TAG = re.compile(r"\[(\w+)\]([^\[\]]*)")

Fields = Mapping[str, str]


class Moved(StrEnum):
    SALE = "sale"
    TAKEN_BACK = "taken_back"
    """The bank took the payment back."""
    REFUND = "refund"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Row:
    """`line` counts from 1. One that cannot be read is of no order and of no money."""

    line: int
    moved: Moved
    order_ref: str = ""
    amount_vnd: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One kind of file. `types` begin a row of money; `moved` tells what it is, `order` whose.

    `refunds` = refunds are listed; `cancelled` = what was taken back within the day is.
    """

    types: frozenset[str]
    moved: Callable[[Fields], Moved]
    order: Callable[[Fields], str]
    amount: str
    parts: int = 1
    """How many of its units are one dong."""
    refunds: bool = True
    cancelled: bool = True


def _of_vnpay(row: Fields) -> Moved:
    if row["TransactionType"] in ("02", "03"):
        return Moved.REFUND
    return Moved.TAKEN_BACK if row["TransactionStatus"] == "04" else Moved.SALE


def _of_treasury(row: Fields) -> Moved:
    return {"HOAN": Moved.REFUND, "HUY": Moved.TAKEN_BACK}.get(row["TrangThai"], Moved.SALE)


def _of_bills(row: Fields) -> Moved:
    return Moved.TAKEN_BACK if row["status"] == "99" else Moved.SALE


def _of_cards(row: Fields) -> Moved:
    if row["MsgType"] == "1402":
        return Moved.REFUND
    return Moved.TAKEN_BACK if row["BankResponseCode"] == "99" else Moved.SALE


def _of_napas(row: Fields) -> Moved:
    return Moved.SALE if row["F3"] == "000000" else Moved.REFUND


FORMS: Mapping[str, Form] = {
    "day": Form(types=frozenset({"02"}), moved=_of_vnpay, order=lambda row: row["TxnRef"], amount="Amount", parts=100),
    "treasury": Form(
        types=frozenset({"CT"}), moved=_of_treasury, order=lambda row: row["MaThamChieu"], amount="SoTien"
    ),
    "va": Form(
        types=frozenset({"002", "003"}),
        moved=_of_bills,
        order=lambda row: row["custCode"],
        amount="amount",
        refunds=False,
    ),
    "bill": Form(
        types=frozenset({"002", "003"}),
        moved=_of_bills,
        order=lambda row: row["custId"],
        amount="amount",
        refunds=False,
    ),
    "card": Form(
        types=frozenset({"0002"}),
        moved=_of_cards,
        order=lambda row: row["RefundId"] or row["TranId"],
        amount="Amount",
    ),
    # onefin-settle#napas: the order stands in characters 28 to 68 of a field of a hundred.
    "tc": Form(
        types=frozenset({"DR"}),
        moved=_of_napas,
        order=lambda row: row["RSV1"][28:68].strip(),
        amount="F4",
        parts=100,
        cancelled=False,
    ),
}
"""By the kind of the file, as the control API names it."""


def rows(kind: str, lines: Iterable[bytes]) -> Iterator[Row]:
    """The rows of money of a file, and no others. Raises KeyError for a kind that is not in FORMS."""
    form = FORMS[kind]
    columns: list[str] = []
    for number, encoded in enumerate(lines, 1):
        line = encoded.decode("utf-8", "replace").removeprefix(BOM).rstrip("\r\n")
        if kind == "tc":
            if line[:2] in form.types:
                yield _row(form, number, dict(TAG.findall(line)))
        elif number == 1:
            columns = re.split(r"[|,]", line)
        elif (values := line.split("|"))[0] in form.types:
            fits = len(values) == len(columns)
            yield _row(form, number, dict(zip(columns, values, strict=True)) if fits else {})


def _row(form: Form, number: int, fields: Fields) -> Row:
    try:
        amount, order_ref, moved = fields[form.amount], form.order(fields), form.moved(fields)
    except KeyError:
        return Row(number, Moved.UNREADABLE)
    if not (amount.isascii() and amount.isdigit() and len(amount) <= DIGITS_MAX) or int(amount) % form.parts:
        return Row(number, Moved.UNREADABLE)
    return Row(number, moved, order_ref, int(amount) // form.parts)
