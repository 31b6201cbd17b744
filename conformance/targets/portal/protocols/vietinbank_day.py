"""VietinBank's day of bills: what came in by virtual account, app and counter, and the partner's list of bill payments.

Rule: one file after 7 o'clock, answered by 15:00 with what was found of each row. A row of type 003 comes late.
"""

from hashlib import md5

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.protocols.day_sheet import Fields, Layout, Listed, Sold
from conformance.targets.portal.protocols.fields import whole_amount

# onefin-settle#va
_TODAY, _LATE, _END = "002", "003", "009"
_COLUMNS = (
    *("recordType", "transId", "providerId", "merchantId", "bankCode", "branchCode", "custAcctNo"),
    *("recvVirtualAcctId", "recvVirtualAcctName", "custCode", "custName", "amount", "currencyCode"),
    *("payRefNo", "merchantAcctNo", "billCycle", "billId", "transTime", "status", "bankTransId"),
    *("addField1", "addField2", "addField3", "addField4", "addField5", "recordChecksum"),
)
_LAST = ("recordType", "providerId", "userId", "recordNo", "transTime", "fileChecksum")

# onefin-settle#va-reply: bill and references change their places.
_REPLY = (
    *_COLUMNS[:13],
    *("billCycle", "billId", "payRefNo", "merchantAcctNo", "transTime", "status", "bankTransId"),
    *("addField1", "addField2", "addField3", "addField4", "addField5", "reconcileStatus", "recordChecksum"),
)

# onefin-settle#bill
_BILL_COLUMNS = (
    *("recordType", "requestId", "merchantId", "serviceType", "svrProviderCode", "custId", "amount", "currencyCode"),
    *("billId", "billCycle", "transTime", "status", "bankTransId", "recordChecksum"),
)
_BILL_SEALED = (
    *("requestId", "merchantId", "svrProviderCode", "serviceType", "custId", "amount", "billId", "billCycle"),
    *("transTime", "status", "bankTransId"),
)
_TAKEN_BACK = "99"


def _md5(values: list[str]) -> str:
    return md5("".join(values).encode(), usedforsecurity=False).hexdigest()


def _seal(fields: Fields, secret: str) -> str:
    return _md5([*fields.values(), secret])


def _seal_last(fields: Fields, seals: list[str], secret: str) -> str:
    return _seal(fields, secret)


def _seal_bill(fields: Fields, secret: str) -> str:
    """onefin-settle#bill: in an order of its own, without type and currency."""
    return _md5([*(fields[name] for name in _BILL_SEALED), secret])


def _seal_last_bill(fields: Fields, seals: list[str], secret: str) -> str:
    """onefin-settle#bill: without the line's type, with the checksums of all rows."""
    return _md5([*(fields[name] for name in _LAST[1:5]), *seals, secret])


def _understand(row: Fields, flaws: frozenset[Flaw]) -> Listed:
    return _listed(row, row["transId"], row["custCode"], flaws)


def _understand_bill(row: Fields, flaws: frozenset[Flaw]) -> Listed:
    return _listed(row, row["requestId"], row["custId"], flaws)


def _listed(row: Fields, number: str, bill_code: str, flaws: frozenset[Flaw]) -> Listed:
    return Listed(
        fields=row,
        what=Sold.TAKEN_BACK if row["status"] == _TAKEN_BACK else Sold.PAID,
        money_ref="" if Flaw.DAY_NEEDS_BANK_REF in flaws and not row["bankTransId"] else number,
        order_ref=bill_code,
        bank_ref=row["bankTransId"],
        amount_vnd=whole_amount(row["amount"], frozenset()),
        carried=row["recordType"] == _LATE,
    )


def _adds_up(rows: list[Fields], last: Fields) -> bool:
    """The last line tells no sum."""
    return True


DAY = Layout(
    columns=_COLUMNS,
    comma_header=True,
    rows=(_TODAY, _LATE),
    end=_END,
    last=_LAST,
    count="recordNo",
    counted=(_TODAY,),
    merchant="providerId",
    day="",
    seal=_seal,
    seal_last=_seal_last,
    adds_up=_adds_up,
    understand=_understand,
    reply_columns=_REPLY,
    reply_status="reconcileStatus",
)
BILLS = Layout(
    columns=_BILL_COLUMNS,
    comma_header=True,
    rows=(_TODAY, _LATE),
    end=_END,
    last=_LAST,
    count="recordNo",
    counted=(_TODAY, _LATE),
    merchant="providerId",
    day="",
    seal=_seal_bill,
    seal_last=_seal_last_bill,
    adds_up=_adds_up,
    understand=_understand_bill,
)


def reply_name(name: str) -> str:
    """vietinbank-thvqr-1-0#files: _IN is answered by _OUT."""
    return name.replace("_IN.", "_OUT.")
