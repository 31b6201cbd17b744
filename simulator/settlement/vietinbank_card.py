"""VietinBank's day of linked cards: the partner lists payments and refunds, the bank answers with what it disputes.

Rule: pure. Checksums are in capitals, and the footer's covers only its time and its count.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import md5

import msgspec

from simulator.cards import masked
from simulator.clock import VIETNAM
from simulator.settlement import piped
from simulator.settlement.day import Kind, Line
from simulator.settlement.matching import AGREED, BANK_ONLY, Told, status_of
from simulator.settlement.piped import Fields, Layout
from simulator.settlement.sheet import DayFile, Reply, Said, Sheet, Spoilt, digits_vnd

# onefin-settle#card
DETAIL, END = "0002", "0009"
COLUMNS = (
    *("RecordType", "RcReconcile", "MsgType", "CurCode", "Amount", "TranId", "RefundId", "TranDate", "MerchantId"),
    *("BankTrxSeq", "BankResponseCode", "CardNumber", "Checksum"),
)
FOOTER = ("RecordType", "RecordNo", "User", "CreateTime", "Checksum")
PAYMENT, REFUND = "1210", "1402"
DONE, TAKEN_BACK = "00", "99"


def seal(fields: Fields, secret: str) -> str:
    """onefin-settle#card: MD5 of all values and the secret, in capitals."""
    return _md5(*fields.values(), secret)


def seal_footer(fields: Fields, checksums: Sequence[str], secret: str) -> str:
    return _md5(fields["CreateTime"], fields["RecordNo"], secret)


def _md5(*values: str) -> str:
    return md5("".join(values).encode("utf-8", "replace")).hexdigest().upper()


LAYOUT = Layout(
    header=",".join(COLUMNS),
    columns=COLUMNS,
    rows=(DETAIL,),
    end=END,
    footer=FOOTER,
    count="RecordNo",
    counted=(DETAIL,),
    seal=seal,
    seal_footer=seal_footer,
    newline_at_end=False,
)


def name(sheet: Sheet) -> str:
    return f"{sheet.day.business_date:%Y%m%d}_TRANS_{_provider(sheet)}.txt"


def dispute_name(sheet: Sheet) -> str:
    return f"{sheet.day.business_date:%Y%m%d}_TRANS_DISPUTE_{_provider(sheet)}.txt"


def _provider(sheet: Sheet) -> str:
    return sheet.option("provider_name", sheet.merchant.merchant_code)


def takes(line: Line) -> bool:
    return True


def fields_of(line: Line) -> Fields:
    payment, order, refund = line.payment, line.payment.order, line.refund
    refunded = line.kind is Kind.REFUND
    return {
        "RecordType": DETAIL,
        "RcReconcile": AGREED,
        "MsgType": REFUND if refunded else PAYMENT,
        "CurCode": "VND",
        "Amount": str(line.amount_vnd),
        "TranId": refund.request_ref if refund else order.order_key,
        "RefundId": order.order_key if refunded else "",
        "TranDate": f"{line.at.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}",
        "MerchantId": payment.merchant_code,
        "BankTrxSeq": refund.bank_ref if refund else payment.bank_ref,
        "BankResponseCode": TAKEN_BACK if line.taken_back else DONE,
        "CardNumber": _shown(payment.payer_account),
    }


def _shown(number: str) -> str:
    return masked(number) if number.isdigit() else number


def pieces(sheet: Sheet, lines: Iterable[Line]) -> Iterator[bytes]:
    """What the partner is expected to send, by the bank's own books."""
    return _written(((fields_of(line), sheet.is_spoilt(line)) for line in lines), sheet)


def _written(rows: Iterable[tuple[Fields, bool]], sheet: Sheet) -> Iterator[bytes]:
    footer = {"User": sheet.option("user_id", "admin"), "CreateTime": f"{sheet.day.ready_at:%d/%m/%Y %H:%M:%S}"}
    return piped.pieces(LAYOUT, rows, lambda: footer, sheet)


def read(content: bytes, sheet: Sheet) -> Reply:
    """The partner's list, and the bank's answer: the same rows, with what the bank found as RcReconcile."""
    found = piped.read(LAYOUT, content, sheet.secret)
    own = {fields["TranId"]: fields for line in sheet.lines for fields in [fields_of(line)]}
    told = {key: _told(fields) for key, fields in own.items()}
    judged = [(row, status_of(row.fields["TranId"], _told(row.fields), told)) for row in found.rows]
    listed = {row.fields["TranId"] for row in found.rows}
    answer = [({**row.fields, "RcReconcile": status}, False) for row, status in judged]
    answer += [({**fields, "RcReconcile": BANK_ONLY}, False) for key, fields in own.items() if key not in listed]
    rows = tuple(
        Said(line=row.line, key=row.fields["TranId"], status=status, amount_vnd=digits_vnd(row.fields["Amount"]))
        for row, status in judged
    )
    sound = msgspec.structs.replace(sheet, spoilt=Spoilt())
    return Reply(
        rows=rows, errors=found.errors, answer_name=dispute_name(sheet), answer=b"".join(_written(answer, sound))
    )


def _told(fields: Fields) -> Told:
    """The time is not compared: either side has its own."""
    return (fields["MsgType"], fields["Amount"], fields["BankResponseCode"])


FILE = DayFile(
    kind="card",
    title="linked cards: the partner's list, and what the bank disputes",
    cut_off="00:00",
    folder="VIETINBANK_BACKUP",  # onefin-settle#folders
    name=name,
    pieces=pieces,
    takes=takes,
    read=read,
    reply_name=name,
    reply_folder="VIETINBANK_OUT",
    answer_folder="VIETINBANK_IN",
)
