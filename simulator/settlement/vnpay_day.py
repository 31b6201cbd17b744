"""A day file as VNPAY's might be: its real layout is not public, so this one is ours, in the words of its API.

Rule: pure. Amounts are times 100 and checksums HMAC-SHA512, as in all that VNPAY signs.
"""

from collections.abc import Iterable, Iterator, Sequence

from simulator.clock import compact
from simulator.settlement import piped
from simulator.settlement.day import Kind, Line
from simulator.settlement.matching import Told, objections
from simulator.settlement.piped import Fields, Layout
from simulator.settlement.sheet import DayFile, Reply, Said, Sheet, digits_vnd
from simulator.signing import hmac_sha512_hex

ROW, END = "02", "09"
COLUMNS = (
    *("RecordType", "TmnCode", "TxnRef", "TransactionNo", "BankCode", "Amount", "PayDate", "TransactionType"),
    *("TransactionStatus", "SecureHash"),
)
REPLY_COLUMNS = (*COLUMNS[:-1], "ReconcileStatus", "SecureHash")
FOOTER = ("RecordType", "TmnCode", "BusinessDate", "Count", "Amount", "CreateDate", "SecureHash")

# vnpay-pay-2-1-0: 01 payment, 02 whole and 03 partial refund; status 00, and 04 for what was reversed.
PAYMENT, WHOLE, PART = "01", "02", "03"
DONE, REVERSED = "00", "04"


def seal(fields: Fields, secret: str) -> str:
    return hmac_sha512_hex(secret, "|".join(fields.values()).encode("utf-8", "replace"))


def seal_footer(fields: Fields, checksums: Sequence[str], secret: str) -> str:
    return seal(fields, secret)


def _layout(columns: tuple[str, ...]) -> Layout:
    return Layout(
        header="|".join(columns),
        columns=columns,
        rows=(ROW,),
        end=END,
        footer=FOOTER,
        count="Count",
        counted=(ROW,),
        seal=seal,
        seal_footer=seal_footer,
    )


LAYOUT, REPLY = _layout(COLUMNS), _layout(REPLY_COLUMNS)


def name(sheet: Sheet) -> str:
    return f"{sheet.day.business_date:%Y%m%d}_{sheet.merchant.merchant_code}_DOISOAT.txt"


def reply_name(sheet: Sheet) -> str:
    return f"{sheet.day.business_date:%Y%m%d}_{sheet.merchant.merchant_code}_KETQUA.txt"


def takes(line: Line) -> bool:
    return True


def fields_of(line: Line, sheet: Sheet) -> Fields:
    payment, refund = line.payment, line.refund
    whole = line.kind is Kind.REFUND and line.amount_vnd == payment.amount_vnd
    return {
        "RecordType": ROW,
        "TmnCode": sheet.merchant.merchant_code,
        "TxnRef": line.order_ref,
        "TransactionNo": refund.bank_ref if refund else payment.bank_ref,
        "BankCode": payment.issuer_code,
        "Amount": str(line.amount_vnd * 100),
        "PayDate": compact(line.at),
        "TransactionType": (WHOLE if whole else PART) if line.kind is Kind.REFUND else PAYMENT,
        "TransactionStatus": REVERSED if line.taken_back else DONE,
    }


def pieces(sheet: Sheet, lines: Iterable[Line]) -> Iterator[bytes]:
    net_vnd = 0

    def rows() -> Iterator[tuple[Fields, bool]]:
        nonlocal net_vnd
        for line in lines:
            net_vnd += line.net_vnd
            yield fields_of(line, sheet), sheet.is_spoilt(line)

    def footer() -> Fields:
        return {
            "TmnCode": sheet.merchant.merchant_code,
            "BusinessDate": f"{sheet.day.business_date:%Y%m%d}",
            "Amount": str(net_vnd * 100),
            "CreateDate": compact(sheet.day.ready_at),
        }

    return piped.pieces(LAYOUT, rows(), footer, _keyed(sheet))


def read(content: bytes, sheet: Sheet) -> Reply:
    """The merchant's result: the same rows with what it found."""
    found = piped.read(REPLY, content, _keyed(sheet).secret)
    said = [
        (
            Said(
                line=row.line,
                key=row.fields["TransactionNo"],
                status=row.fields["ReconcileStatus"],
                amount_vnd=None if (amount := digits_vnd(row.fields["Amount"])) is None else amount // 100,
            ),
            _told(row.fields),
        )
        for row in found.rows
    ]
    rows = (piped.cleaned(fields_of(line, sheet), COLUMNS) for line in sheet.lines)
    own = {fields["TransactionNo"]: _told(fields) for fields in rows}
    errors = (*found.errors, *objections(said, own, "TransactionNo", "ReconcileStatus"))
    return Reply(rows=tuple(row for row, _ in said), errors=errors)


def _told(fields: Fields) -> Told:
    return (fields["TxnRef"], fields["Amount"], fields["TransactionStatus"])


def _keyed(sheet: Sheet) -> Sheet:
    """Sealed with the secret that signs everything else, if the merchant has none for files."""
    return sheet.with_secret(sheet.merchant.secrets.get("secret", ""))


FILE = DayFile(
    kind="day",
    title="the day's payments and refunds, in a layout of our own",
    cut_off="00:00",  # vnpay-settlement#session
    folder="VNPAY_OUT",
    name=name,
    pieces=pieces,
    takes=takes,
    read=read,
    reply_name=reply_name,
    reply_folder="VNPAY_IN",
)
