"""An electronic receipt of fees: a page of PDF in Vietnamese, from plain values.

Rule: pure. The same receipt always gives the same bytes.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import font_roboto
from fpdf import FPDF

from simulator.clock import VIETNAM

NUMBER_MAX = 99_999_999
FEES_SHOWN = 10
LINE_MM = 7
COLUMNS_MM = (12, 118, 40)

DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What an electronic receipt of fees must show.

    `number` is 1 to NUMBER_MAX, `series` the two letters of the symbol, `fees` are (name, VND), `amount_vnd` is what
    was paid. `issuer_name` issues on behalf of `collector_name`. `bill_code` says what was paid for.
    """

    number: int
    issued_at: datetime
    collector_name: str
    issuer_name: str
    payer_name: str
    bill_code: str
    bank_ref: str
    fees: tuple[tuple[str, int], ...]
    amount_vnd: int
    collector_tax_code: str = ""
    payer_address: str = ""
    template: str = "EBL01"  # tt-91-2026-btc#annex: no face value.
    series: str = "AB"

    @property
    def symbol(self) -> str:
        """Such as 26TAB: the year, T, two letters."""
        # tt-91-2026-btc#annex
        return f"{self.issued_at.astimezone(VIETNAM):%y}T{self.series}"


@lru_cache(maxsize=64)
def receipt_pdf(receipt: Receipt) -> bytes:
    """The receipt as a PDF. Costs some 0.1 s of CPU the first time."""
    pdf = FPDF(format="A4")
    pdf.set_creation_date(receipt.issued_at)
    pdf.set_title(f"Biên lai {receipt.template} {receipt.symbol} {receipt.number}")
    pdf.set_lang("vi")
    pdf.set_margin(20)
    pdf.add_font("Roboto", "", font_roboto.Roboto)
    pdf.add_page()
    _head(pdf, receipt)
    _payer(pdf, receipt)
    _fees(pdf, receipt)
    _foot(pdf, receipt)
    return bytes(pdf.output())


def amount_in_words(vnd: int) -> str:
    """An amount as receipts write it out: 1,005 is "Một nghìn không trăm linh năm đồng". Raises ValueError below 0."""
    if vnd < 0:
        raise ValueError(f"{vnd} VND cannot be written on a receipt")
    words = _number(vnd)
    return f"{words[0].upper()}{words[1:]} đồng"


def _number(number: int) -> str:
    high, low = divmod(number, 10**9)
    if not high:
        return _below_billion(low, False)
    return f"{_number(high)} tỷ {_below_billion(low, True) if low else ''}".strip()


def _below_billion(number: int, follows: bool) -> str:
    """`follows` = larger groups were read before, so that leading zeros are read too."""
    parts: list[str] = []
    for value, unit in ((number // 10**6, " triệu"), (number // 1000 % 1000, " nghìn"), (number % 1000, "")):
        if value:
            parts.append(_hundreds(value, follows or bool(parts)) + unit)
    return " ".join(parts) or DIGITS[0]


def _hundreds(number: int, follows: bool) -> str:
    hundreds, tens, ones = number // 100, number // 10 % 10, number % 10
    words = [DIGITS[hundreds], "trăm"] if hundreds or follows else []
    if tens == 0:
        words += (["linh"] if words and ones else []) + ([DIGITS[ones]] if ones else [])
    elif tens == 1:
        words += ["mười"] + ([{5: "lăm"}.get(ones, DIGITS[ones])] if ones else [])
    else:
        after = {1: "mốt", 4: "tư", 5: "lăm"}
        words += [DIGITS[tens], "mươi"] + ([after.get(ones, DIGITS[ones])] if ones else [])
    return " ".join(words)


def _head(pdf: FPDF, receipt: Receipt) -> None:
    pdf.set_font("Roboto", size=10)
    for text in (f"Mẫu số: {receipt.template}", f"Ký hiệu: {receipt.symbol}", f"Số: {receipt.number}"):
        _line(pdf, text, align="R")
    _line(pdf, _clean(receipt.collector_name, 250))
    _line(pdf, f"Mã số thuế: {_clean(receipt.collector_tax_code, 20)}")
    pdf.ln(LINE_MM)
    pdf.set_font("Roboto", size=18)
    _line(pdf, "BIÊN LAI THU PHÍ, LỆ PHÍ", align="C", height=10)
    pdf.set_font("Roboto", size=11)
    _line(pdf, "Bản thử nghiệm, không có giá trị", align="C")
    _line(pdf, f"{receipt.issued_at.astimezone(VIETNAM):Ngày %d tháng %m năm %Y}", align="C")
    pdf.ln(LINE_MM)


def _payer(pdf: FPDF, receipt: Receipt) -> None:
    shown = (
        ("Người nộp", receipt.payer_name, 200),
        ("Địa chỉ", receipt.payer_address, 250),
        ("Mã hồ sơ", receipt.bill_code, 100),
        ("Mã giao dịch", receipt.bank_ref, 50),
    )
    for label, value, longest in shown:
        if value:
            _line(pdf, f"{label}: {_clean(value, longest)}")
    pdf.ln(LINE_MM)


def _fees(pdf: FPDF, receipt: Receipt) -> None:
    fees = tuple((_clean(name, 250), _dotted(amount_vnd)) for name, amount_vnd in _shown(receipt.fees))
    with pdf.table(
        col_widths=COLUMNS_MM,
        text_align=("CENTER", "LEFT", "RIGHT"),
        line_height=LINE_MM,
        first_row_as_headings=False,
    ) as table:
        table.row(("STT", "Tên phí, lệ phí", "Số tiền (đồng)"))
        for number, (name, amount) in enumerate(fees, 1):
            table.row((str(number), name, amount))
        table.row(("", "Tổng số tiền đã nộp", _dotted(receipt.amount_vnd)))
    pdf.ln(LINE_MM / 2)
    _line(pdf, f"Bằng chữ: {amount_in_words(max(receipt.amount_vnd, 0))}")


def _foot(pdf: FPDF, receipt: Receipt) -> None:
    pdf.ln(LINE_MM)
    # nd-254-2026#25: a third party issues on written delegation, and both names are shown.
    _line(pdf, f"Đơn vị lập biên lai theo ủy nhiệm: {_clean(receipt.issuer_name, 200)}")
    _line(pdf, "Chữ ký số: không có, đây là bản thử nghiệm")


def _shown(fees: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    """Few enough for one page: the rest becomes one line."""
    if len(fees) <= FEES_SHOWN:
        return fees
    rest = sum(amount_vnd for _, amount_vnd in fees[FEES_SHOWN - 1 :])
    return (*fees[: FEES_SHOWN - 1], ("Các khoản khác", rest))


def _line(pdf: FPDF, text: str, align: str = "L", height: float = LINE_MM) -> None:
    pdf.multi_cell(0, height, text, align=align, new_x="LMARGIN", new_y="NEXT")


def _clean(text: str, longest: int) -> str:
    """One line of printable characters."""
    return "".join(each for each in " ".join(text.split()) if each.isprintable())[:longest]


def _dotted(amount_vnd: int) -> str:
    return f"{amount_vnd:,}".replace(",", ".")
