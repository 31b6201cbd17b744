"""VNPAY's day: payments and refunds from midnight to midnight, amounts times one hundred.

Rule: VNPAY does not publish its layout; this one is the contract's, in the words of its API.
"""

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.protocols.day_sheet import Fields, Layout, Listed, Sold
from conformance.targets.portal.protocols.fields import NO_AMOUNT
from conformance.targets.portal.protocols.seals import hmac_sha512
from conformance.targets.portal.protocols.vnpay import dong_of

_COLUMNS = (
    *("RecordType", "TmnCode", "TxnRef", "TransactionNo", "BankCode", "Amount", "PayDate", "TransactionType"),
    *("TransactionStatus", "SecureHash"),
)
_LAST = ("RecordType", "TmnCode", "BusinessDate", "Count", "Amount", "CreateDate", "SecureHash")

# vnpay-pay-2-1-0#codes: types 02 and 03 give money back; status 04 was taken back.
_REFUNDS = ("02", "03")
_REVERSED = "04"


def _seal(fields: Fields, secret: str) -> str:
    return hmac_sha512(secret, "|".join(fields.values()))


def _seal_last(fields: Fields, seals: list[str], secret: str) -> str:
    return _seal(fields, secret)


def _what(row: Fields) -> Sold:
    if row["TransactionType"] in _REFUNDS:
        return Sold.REFUND
    return Sold.TAKEN_BACK if row["TransactionStatus"] == _REVERSED else Sold.PAID


def _understand(row: Fields, flaws: frozenset[Flaw]) -> Listed:
    unit = 100 if Flaw.DAY_IN_HUNDREDTHS in flaws else 1
    return Listed(
        fields=row,
        what=_what(row),
        money_ref=row["TxnRef"],
        order_ref=row["TxnRef"],
        bank_ref=row["TransactionNo"],
        amount_vnd=dong_of(row["Amount"], frozenset()) * unit,
    )


def _adds_up(rows: list[Fields], last: Fields) -> bool:
    """Only where every row is one of this day's: of a payment taken back the file does not tell on which day it was
    taken, and so not how it counts."""
    found = [_understand(row, frozenset()) for row in rows]
    if any(each.what is Sold.TAKEN_BACK or each.amount_vnd == NO_AMOUNT for each in found):
        return True
    net_vnd = sum(-each.amount_vnd if each.what is Sold.REFUND else each.amount_vnd for each in found)
    return last["Amount"] == str(net_vnd * 100)


DAY = Layout(
    columns=_COLUMNS,
    comma_header=False,
    rows=("02",),
    end="09",
    last=_LAST,
    count="Count",
    counted=("02",),
    merchant="TmnCode",
    day="BusinessDate",
    seal=_seal,
    seal_last=_seal_last,
    adds_up=_adds_up,
    understand=_understand,
    reply_columns=(*_COLUMNS[:-1], "ReconcileStatus", "SecureHash"),
    reply_status="ReconcileStatus",
)


def reply_name(name: str) -> str:
    """20261122_DEMOV210_DOISOAT.txt is answered by 20261122_DEMOV210_KETQUA.txt."""
    return name.replace("_DOISOAT", "_KETQUA")
