"""VietinBank's day of virtual accounts: the bank lists what came in, the biller answers each row.

Rule: pure. A row that this day reports late has another type, and a footer counts only the day's own.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import md5

from simulator.clock import compact
from simulator.payment import Channel
from simulator.settlement import piped
from simulator.settlement.day import Kind, Line
from simulator.settlement.matching import Told, objections
from simulator.settlement.piped import Fields, Layout
from simulator.settlement.sheet import DayFile, Reply, Said, Sheet, digits_vnd

# onefin-settle#va: today's, those of the day before that come late, the footer.
TODAY, LATE, END = "002", "003", "009"

# onefin-settle#va: the order of the bank's file.
COLUMNS = (
    *("recordType", "transId", "providerId", "merchantId", "bankCode", "branchCode", "custAcctNo"),
    *("recvVirtualAcctId", "recvVirtualAcctName", "custCode", "custName", "amount", "currencyCode"),
    *("payRefNo", "merchantAcctNo", "billCycle", "billId"),
    *("transTime", "status", "bankTransId", "addField1", "addField2", "addField3", "addField4", "addField5"),
    "recordChecksum",
)
# onefin-settle#va-reply: the bill comes before the references, and the biller's word before the checksum.
REPLY_COLUMNS = (
    *COLUMNS[:13],
    *("billCycle", "billId", "payRefNo", "merchantAcctNo"),
    *COLUMNS[17:25],
    "reconcileStatus",
    "recordChecksum",
)
FOOTER = ("recordType", "providerId", "userId", "recordNo", "transTime", "fileChecksum")

# vietinbank-y3-1-4-1#codes: 00; that 99 marks what was taken back is an assumption.
DONE, TAKEN_BACK = "00", "99"


def seal(fields: Fields, secret: str) -> str:
    """onefin-settle#va: MD5 of all values as they stand, without the bars, and the secret."""
    return md5(("".join(fields.values()) + secret).encode("utf-8", "replace")).hexdigest()


def seal_footer(fields: Fields, checksums: Sequence[str], secret: str) -> str:
    return seal(fields, secret)


LAYOUT = Layout(
    header=",".join(COLUMNS),
    columns=COLUMNS,
    rows=(TODAY, LATE),
    end=END,
    footer=FOOTER,
    count="recordNo",
    counted=(TODAY,),
    seal=seal,
    seal_footer=seal_footer,
)
REPLY = Layout(
    header=",".join(REPLY_COLUMNS),
    columns=REPLY_COLUMNS,
    rows=(TODAY, LATE),
    end=END,
    footer=FOOTER,
    count="recordNo",
    counted=(TODAY,),
    seal=seal,
    seal_footer=seal_footer,
)


def name(sheet: Sheet) -> str:
    """onefin-settle#va: the date is that of the money, not that of the sending."""
    return f"{sheet.day.business_date:%Y%m%d}_{sheet.merchant.merchant_code}_THUHOTKAO_IN.txt"


def reply_name(sheet: Sheet) -> str:
    """vietinbank-thvqr-1-0#files: _OUT; one client sends it as _IN."""
    return name(sheet).replace("_IN.txt", "_OUT.txt")


def takes(line: Line) -> bool:
    """Money that came in. A refund is no message of this product: it goes back by hand."""
    return line.kind is not Kind.REFUND


def fields_of(line: Line, sheet: Sheet) -> Fields:
    payment, order, merchant = line.payment, line.payment.order, sheet.merchant
    channel = payment.channel or order.channel
    transferred = channel not in (Channel.COUNTER, Channel.POS, Channel.CARD)
    merchant_id = merchant.options.get("merchant_id", "")
    return {
        "recordType": LATE if line.carried else TODAY,
        "transId": order.order_key,
        "providerId": merchant.merchant_code,
        "merchantId": merchant_id,
        "recvVirtualAcctId": f"{merchant_id}{order.order_ref}"[:25] if transferred else "",
        "recvVirtualAcctName": (merchant.options.get("account_name") or merchant.name)[:200] if transferred else "",
        "custCode": order.order_ref,
        "custName": order.wire.get("custName", order.wire.get("payer_name", "")),
        "amount": str(line.amount_vnd),
        "currencyCode": "VND",
        "billCycle": order.wire.get("billTerm", ""),
        "billId": order.wire.get("billId", ""),
        "transTime": compact(line.at),
        "status": TAKEN_BACK if line.taken_back else DONE,
        "bankTransId": "" if payment.in_cash else payment.bank_ref,  # vietinbank-y3-1-4-1#counter
    }


def pieces(sheet: Sheet, lines: Iterable[Line]) -> Iterator[bytes]:
    rows = ((fields_of(line, sheet), sheet.is_spoilt(line)) for line in lines)
    footer = {
        "providerId": sheet.merchant.merchant_code,
        "userId": sheet.option("user_id", "admin"),
        "transTime": compact(sheet.day.ready_at),
    }
    return piped.pieces(LAYOUT, rows, lambda: footer, sheet)


def read(content: bytes, sheet: Sheet) -> Reply:
    """The biller's answer; also what it says that cannot be true, by the file that it was sent."""
    found = piped.read(REPLY, content, sheet.secret)
    said = [
        (
            Said(
                line=row.line,
                key=row.fields["transId"],
                status=row.fields["reconcileStatus"],
                amount_vnd=digits_vnd(row.fields["amount"]),
            ),
            _told(row.fields),
        )
        for row in found.rows
    ]
    own = {fields["transId"]: _told(fields) for line in sheet.lines for fields in [fields_of(line, sheet)]}
    errors = (*found.errors, *objections(said, own, "transId", "reconcileStatus"))
    return Reply(rows=tuple(row for row, _ in said), errors=errors)


def _told(fields: Fields) -> Told:
    """onefin-settle#va-reply: compared as texts."""
    return (fields["amount"], fields["transTime"])


FILE = DayFile(
    kind="va",
    title="virtual accounts and bill collection, day by day",
    cut_off="00:00",
    folder="VIETINBANK_IN",  # vietinbank-thvqr-1-0#files
    name=name,
    pieces=pieces,
    takes=takes,
    read=read,
    reply_name=reply_name,
    reply_folder="VIETINBANK_OUT",
)
