"""VietinBank's day of bill payments: the partner lists its payments, the bank answers with the rows that it disputes.

Rule: pure. Checksums leave out the currency and take the provider before the service, unlike the columns.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import md5

import msgspec

from simulator.clock import compact
from simulator.settlement import piped
from simulator.settlement.day import Kind, Line
from simulator.settlement.matching import BANK_ONLY, Told, status_of
from simulator.settlement.piped import Fields, Layout
from simulator.settlement.sheet import DayFile, Reply, Said, Sheet, Spoilt, digits_vnd
from simulator.settlement.vietinbank_va import DONE, END, LATE, TAKEN_BACK, TODAY

# onefin-settle#bill
COLUMNS = (
    *("recordType", "requestId", "merchantId", "serviceType", "svrProviderCode", "custId", "amount", "currencyCode"),
    *("billId", "billCycle", "transTime", "status", "bankTransId", "recordChecksum"),
)
FOOTER = ("recordType", "providerId", "userId", "recordNo", "transTime", "fileChecksum")
SEALED = (
    *("requestId", "merchantId", "svrProviderCode", "serviceType", "custId", "amount", "billId", "billCycle"),
    *("transTime", "status", "bankTransId"),
)


def seal(fields: Fields, secret: str) -> str:
    """onefin-settle#bill: MD5 in an order of its own, without type and currency."""
    return _md5(*(fields[each] for each in SEALED), secret)


def seal_footer(fields: Fields, checksums: Sequence[str], secret: str) -> str:
    """onefin-settle#bill: the type of the line is left out, the checksums of all rows are in."""
    return _md5(*(fields[each] for each in FOOTER[1:5]), *checksums, secret)


def _md5(*values: str) -> str:
    return md5("".join(values).encode("utf-8", "replace")).hexdigest()


LAYOUT = Layout(
    header=",".join(COLUMNS),
    columns=COLUMNS,
    rows=(TODAY, LATE),
    end=END,
    footer=FOOTER,
    count="recordNo",
    counted=(TODAY, LATE),
    seal=seal,
    seal_footer=seal_footer,
    newline_at_end=False,
    seals_rows=True,
)


def name(sheet: Sheet) -> str:
    return f"{sheet.day.business_date:%Y%m%d}_{sheet.merchant.merchant_code}_BILL_IN.txt"


def dispute_name(sheet: Sheet) -> str:
    provider = sheet.option("provider_name", sheet.merchant.merchant_code)
    return f"{sheet.day.business_date:%Y%m%d}_BILLPAY_TRANS_DISPUTE_{provider}.txt"


def takes(line: Line) -> bool:
    return line.kind is not Kind.REFUND


def fields_of(line: Line, sheet: Sheet) -> Fields:
    payment, order = line.payment, line.payment.order
    return {
        "recordType": LATE if line.carried else TODAY,
        "requestId": order.order_key,
        "merchantId": sheet.option("merchant_id", sheet.merchant.merchant_code),
        "serviceType": sheet.option("service_type", "LEPHI"),
        "svrProviderCode": sheet.option("provider_code", sheet.merchant.merchant_code),
        "custId": order.order_ref,
        "amount": str(line.amount_vnd),
        "currencyCode": "VND",
        "billId": order.wire.get("billId", ""),
        "billCycle": order.wire.get("billTerm", ""),
        "transTime": compact(line.at),
        "status": TAKEN_BACK if line.taken_back else DONE,
        "bankTransId": "" if payment.in_cash else payment.bank_ref,
    }


def pieces(sheet: Sheet, lines: Iterable[Line]) -> Iterator[bytes]:
    """What the partner is expected to send, by the bank's own books."""
    return _written(((fields_of(line, sheet), sheet.is_spoilt(line)) for line in lines), sheet)


def _written(rows: Iterable[tuple[Fields, bool]], sheet: Sheet) -> Iterator[bytes]:
    footer = {
        "providerId": sheet.merchant.merchant_code,
        "userId": sheet.option("user_id", "admin"),
        "transTime": compact(sheet.day.ready_at),
    }
    return piped.pieces(LAYOUT, rows, lambda: footer, sheet)


def read(content: bytes, sheet: Sheet) -> Reply:
    """The partner's list, and the bank's answer: the same rows, with what the bank found in place of their status."""
    found = piped.read(LAYOUT, content, sheet.secret)
    own = {fields["requestId"]: fields for line in sheet.lines for fields in [fields_of(line, sheet)]}
    told = {key: _told(fields) for key, fields in own.items()}
    judged = [(row, status_of(row.fields["requestId"], _told(row.fields), told)) for row in found.rows]
    listed = {row.fields["requestId"] for row in found.rows}
    answer = [({**row.fields, "status": status}, False) for row, status in judged]
    answer += [({**fields, "status": BANK_ONLY}, False) for key, fields in own.items() if key not in listed]
    rows = tuple(
        Said(
            line=row.line,
            key=row.fields["requestId"],
            status=status,
            amount_vnd=digits_vnd(row.fields["amount"]),
        )
        for row, status in judged
    )
    sound = msgspec.structs.replace(sheet, spoilt=Spoilt())
    return Reply(
        rows=rows, errors=found.errors, answer_name=dispute_name(sheet), answer=b"".join(_written(answer, sound))
    )


def _told(fields: Fields) -> Told:
    return (fields["amount"], fields["transTime"], fields["status"])


FILE = DayFile(
    kind="bill",
    title="bill payments: the partner's list, and what the bank disputes",
    cut_off="00:00",
    folder="VIETINBANK_BACKUP",  # onefin-settle#folders: where the bank keeps the partner's list
    name=name,
    pieces=pieces,
    takes=takes,
    read=read,
    reply_name=name,
    reply_folder="VIETINBANK_OUT",
    answer_folder="VIETINBANK_IN",
)
