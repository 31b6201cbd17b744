"""The Treasury's comparison of a day on the national platform: every detail, and sums by agency, fee and state.

Rule: successful and cancelled transactions are both compared; the sums must be those of the details.
"""

from collections import Counter

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.protocols.day_sheet import Fields, Layout, Listed, Sold
from conformance.targets.portal.protocols.fields import NO_AMOUNT, whole_amount
from conformance.targets.portal.protocols.seals import sha256

_DETAIL, _SUM, _END = "CT", "TH", "KT"
_COLUMNS = (
    *("Loai", "STT", "MaGiaoDich", "MaThamChieu", "MaHoSo", "MaCoQuanThu", "LoaiKhoanThu", "SoMon", "SoTien"),
    *("ThoiGianGD", "TrangThai", "MaXacThuc"),
)
_LAST = ("Loai", "MaDoiTac", "NgayDoiSoat", "TuThoiDiem", "DenThoiDiem", "SoDong", "SoTien", "MaXacThuc")

# tt-184-2015#compare
_WHAT = {"TC": Sold.PAID, "HUY": Sold.TAKEN_BACK, "HOAN": Sold.REFUND}


def _seal(fields: Fields, secret: str) -> str:
    return sha256("|".join((*fields.values(), secret)))


def _seal_last(fields: Fields, seals: list[str], secret: str) -> str:
    return _seal(fields, secret)


def _understand(row: Fields, flaws: frozenset[Flaw]) -> Listed:
    known = row["TrangThai"] in _WHAT
    return Listed(
        fields=row,
        what=_WHAT.get(row["TrangThai"], Sold.PAID),
        money_ref=row["MaThamChieu"],
        order_ref=row["MaThamChieu"],
        bank_ref=row["MaGiaoDich"],
        amount_vnd=whole_amount(row["SoTien"], frozenset()) if known else NO_AMOUNT,
    )


def _adds_up(rows: list[Fields], last: Fields) -> bool:
    counted: Counter[tuple[str, ...]] = Counter()
    summed: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        group = (row["MaCoQuanThu"], row["LoaiKhoanThu"], row["TrangThai"])
        numbers = (row["SoMon"], row["SoTien"])
        if not all(each.isascii() and each.isdigit() for each in numbers):
            continue
        sign = 1 if row["Loai"] == _DETAIL else -1
        counted[group] += sign * int(numbers[0])
        summed[group] += sign * int(numbers[1])
    return not any(counted.values()) and not any(summed.values())


DAY = Layout(
    columns=_COLUMNS,
    comma_header=False,
    rows=(_DETAIL,),
    passed=(_SUM,),
    end=_END,
    last=_LAST,
    count="SoDong",
    counted=(_DETAIL, _SUM),
    merchant="MaDoiTac",
    day="NgayDoiSoat",
    seal=_seal,
    seal_last=_seal_last,
    adds_up=_adds_up,
    understand=_understand,
    reply_columns=(*_COLUMNS[:-1], "KetQua", "MaXacThuc"),
    reply_status="KetQua",
)


def reply_name(name: str) -> str:
    """tttt#reconciliation: type 1 is answered by type 2."""
    return name.replace("_DOISOAT_1", "_DOISOAT_2")
