"""The Treasury's comparison of a day: every detail and the totals of each agency and fee, what was cancelled too.

Rule: pure. The law says what is compared and when; the layout is ours. Row and answer travel between '|', as on the
newer national platform.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from simulator.clock import compact
from simulator.settlement import piped
from simulator.settlement.day import Kind, Line
from simulator.settlement.matching import Told, objections
from simulator.settlement.piped import Fields, Layout
from simulator.settlement.sheet import DayFile, Reply, Said, Sheet, digits_vnd

DETAIL, TOTAL, END = "CT", "TH", "KT"
COLUMNS = (
    *("Loai", "STT", "MaGiaoDich", "MaThamChieu", "MaHoSo", "MaCoQuanThu", "LoaiKhoanThu", "SoMon", "SoTien"),
    *("ThoiGianGD", "TrangThai", "MaXacThuc"),
)
REPLY_COLUMNS = (*COLUMNS[:-1], "KetQua", "MaXacThuc")
FOOTER = ("Loai", "MaDoiTac", "NgayDoiSoat", "TuThoiDiem", "DenThoiDiem", "SoDong", "SoTien", "MaXacThuc")

# tt-184-2015#compare: successful transactions and cancelled ones.
DONE, TAKEN_BACK, GIVEN_BACK = "TC", "HUY", "HOAN"


def seal(fields: Fields, secret: str) -> str:
    """dvcqg-td: SHA-256 of the values and the secret between bars, as its messages have it."""
    return sha256("|".join((*fields.values(), secret)).encode("utf-8", "replace")).hexdigest()


def seal_footer(fields: Fields, checksums: Sequence[str], secret: str) -> str:
    return seal(fields, secret)


def _layout(columns: tuple[str, ...]) -> Layout:
    return Layout(
        header="|".join(columns),
        columns=columns,
        rows=(DETAIL, TOTAL),
        end=END,
        footer=FOOTER,
        count="SoDong",
        counted=(DETAIL, TOTAL),
        seal=seal,
        seal_footer=seal_footer,
    )


LAYOUT, REPLY = _layout(COLUMNS), _layout(REPLY_COLUMNS)


def name(sheet: Sheet) -> str:
    return _name(sheet, 1)


def reply_name(sheet: Sheet) -> str:
    """tttt#reconciliation: a file of type 2 answers one of type 1."""
    return _name(sheet, 2)


def _name(sheet: Sheet, kind: int) -> str:
    return f"{sheet.day.business_date:%Y%m%d}_{sheet.merchant.merchant_code}_DOISOAT_{kind}.txt"


def takes(line: Line) -> bool:
    return True


def rows_of(sheet: Sheet, lines: Iterable[Line]) -> Iterator[tuple[Fields, bool]]:
    """The details, then the totals by agency, fee and state: (values, whether the checksum is to be false)."""
    sums: dict[tuple[str, str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    number = 0
    for number, line in enumerate(lines, 1):
        fields = _detail(line, number)
        key = (fields["MaCoQuanThu"], fields["LoaiKhoanThu"], fields["TrangThai"])
        count, amount_vnd = sums[key]
        sums[key] = (count + 1, amount_vnd + line.amount_vnd)
        yield fields, sheet.is_spoilt(line)
    for at, (key, of) in enumerate(sorted(sums.items()), number + 1):
        yield _total(key, *of, at), False


def _detail(line: Line, number: int) -> dict[str, str]:
    payment, order, refund = line.payment, line.payment.order, line.refund
    given_back = GIVEN_BACK if line.kind is Kind.REFUND else TAKEN_BACK
    return {
        "Loai": DETAIL,
        "STT": str(number),
        "MaGiaoDich": refund.bank_ref if refund else payment.bank_ref,
        "MaThamChieu": line.order_ref,
        "MaHoSo": order.wire.get("MaHoSo", ""),
        "MaCoQuanThu": order.wire.get("MaDonVi", order.wire.get("TenDonVi", "")),
        "LoaiKhoanThu": order.wire.get("LoaiKhoanThu", "LEPHI"),
        "SoMon": "1",
        "SoTien": str(line.amount_vnd),
        "ThoiGianGD": compact(line.at),
        "TrangThai": DONE if line.kind is Kind.SALE else given_back,
    }


def _total(key: tuple[str, str, str], count: int, amount_vnd: int, number: int) -> dict[str, str]:
    agency, fee, state = key
    return {
        "Loai": TOTAL,
        "STT": str(number),
        "MaCoQuanThu": agency,
        "LoaiKhoanThu": fee,
        "SoMon": str(count),
        "SoTien": str(amount_vnd),
        "TrangThai": state,
    }


def pieces(sheet: Sheet, lines: Iterable[Line]) -> Iterator[bytes]:
    day, net_vnd = sheet.day, 0

    def counted() -> Iterator[Line]:
        nonlocal net_vnd
        for line in lines:
            net_vnd += line.net_vnd
            yield line

    def footer() -> Fields:
        return {
            "MaDoiTac": sheet.merchant.merchant_code,
            "NgayDoiSoat": f"{day.business_date:%Y%m%d}",
            "TuThoiDiem": compact(day.begins_at),
            "DenThoiDiem": compact(day.ends_at),
            "SoTien": str(net_vnd),
        }

    return piped.pieces(LAYOUT, rows_of(sheet, counted()), footer, _keyed(sheet))


def read(content: bytes, sheet: Sheet) -> Reply:
    """The other side's result: the same rows, totals too, with what it found."""
    found = piped.read(REPLY, content, _keyed(sheet).secret)
    said = [
        (
            Said(
                line=row.line,
                key=_key(row.fields),
                status=row.fields["KetQua"],
                amount_vnd=digits_vnd(row.fields["SoTien"]),
            ),
            _told(row.fields),
        )
        for row in found.rows
    ]
    rows = (piped.cleaned(fields, COLUMNS) for fields, _ in rows_of(sheet, sheet.lines))
    own = {_key(fields): _told(fields) for fields in rows}
    errors = (*found.errors, *objections(said, own, "MaGiaoDich", "KetQua"))
    return Reply(rows=tuple(row for row, _ in said), errors=errors)


def _key(fields: Fields) -> str:
    """A detail's number at the bank; a total's agency, fee and state."""
    if fields["Loai"] == DETAIL:
        return fields["MaGiaoDich"]
    return "/".join((TOTAL, fields["MaCoQuanThu"], fields["LoaiKhoanThu"], fields["TrangThai"]))


def _told(fields: Fields) -> Told:
    return (fields["SoMon"], fields["SoTien"], fields["TrangThai"])


def _keyed(sheet: Sheet) -> Sheet:
    return sheet.with_secret(sheet.merchant.secrets.get("secret", ""))


FILE = DayFile(
    kind="treasury",
    title="the Treasury's comparison, 16:00 to 16:00: details and totals",
    cut_off="treasury",  # tt-184-2015#window
    folder="KHOBAC_OUT",
    name=name,
    pieces=pieces,
    takes=takes,
    read=read,
    reply_name=reply_name,
    reply_folder="KHOBAC_IN",
)
