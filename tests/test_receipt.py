"""Facts about electronic receipts."""

import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from simulator.receipt import Receipt, amount_in_words, receipt_pdf

ROOT = Path(__file__).parent.parent
RECEIPT = Receipt(
    number=1234,
    issued_at=datetime(2026, 7, 2, 20, 0, tzinfo=UTC),
    collector_name="Trung tâm Phục vụ hành chính công",
    collector_tax_code="5700000000",
    issuer_name="Nền tảng thanh toán (giả lập)",
    payer_name="Nguyễn Thị Ưu Đặng",
    payer_address="Số 5, đường Trần Hưng Đạo",
    bill_code="000.00.00.H49-260702-0001",
    bank_ref="GD0001",
    fees=(("Phí thẩm định hồ sơ", 1_200_000), ("Lệ phí cấp giấy phép", 21_004)),
    amount_vnd=1_221_004,
)


def text_of(pdf: bytes) -> str:
    """What a reader finds in the PDF, on one line."""
    pages = PdfReader(io.BytesIO(pdf)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


@pytest.mark.parametrize(
    ("amount_vnd", "words"),
    [
        (0, "Không đồng"),
        (1, "Một đồng"),
        (4, "Bốn đồng"),
        (5, "Năm đồng"),
        (10, "Mười đồng"),
        (11, "Mười một đồng"),
        (14, "Mười bốn đồng"),
        (15, "Mười lăm đồng"),
        (20, "Hai mươi đồng"),
        (21, "Hai mươi mốt đồng"),
        (24, "Hai mươi tư đồng"),
        (25, "Hai mươi lăm đồng"),
        (55, "Năm mươi lăm đồng"),
        (100, "Một trăm đồng"),
        (101, "Một trăm linh một đồng"),
        (104, "Một trăm linh bốn đồng"),
        (105, "Một trăm linh năm đồng"),
        (110, "Một trăm mười đồng"),
        (111, "Một trăm mười một đồng"),
        (115, "Một trăm mười lăm đồng"),
        (121, "Một trăm hai mươi mốt đồng"),
        (1_000, "Một nghìn đồng"),
        (1_005, "Một nghìn không trăm linh năm đồng"),
        (1_010, "Một nghìn không trăm mười đồng"),
        (1_050, "Một nghìn không trăm năm mươi đồng"),
        (10_000, "Mười nghìn đồng"),
        (50_000, "Năm mươi nghìn đồng"),
        (875_800, "Tám trăm bảy mươi lăm nghìn tám trăm đồng"),
        (1_000_000, "Một triệu đồng"),
        (1_000_005, "Một triệu không trăm linh năm đồng"),
        (1_005_000, "Một triệu không trăm linh năm nghìn đồng"),
        (1_221_004, "Một triệu hai trăm hai mươi mốt nghìn không trăm linh bốn đồng"),
        (1_000_000_000, "Một tỷ đồng"),
        (1_000_000_005, "Một tỷ không trăm linh năm đồng"),
        (3_000_000_000, "Ba tỷ đồng"),
        (21_015_000_000, "Hai mươi mốt tỷ không trăm mười lăm triệu đồng"),
        (
            99_999_999_999,
            "Chín mươi chín tỷ chín trăm chín mươi chín triệu chín trăm chín mươi chín nghìn "
            "chín trăm chín mươi chín đồng",
        ),
        (1_000_000_000_000, "Một nghìn tỷ đồng"),
        (1_234_000_000_000, "Một nghìn hai trăm ba mươi tư tỷ đồng"),
        (10**18, "Một tỷ tỷ đồng"),
    ],
)
def test_an_amount_is_written_as_vietnamese_reads_it(amount_vnd: int, words: str) -> None:
    assert amount_in_words(amount_vnd) == words


DIGIT_WORDS = {
    **{"không": 0, "một": 1, "mốt": 1, "hai": 2, "ba": 3, "bốn": 4, "tư": 4, "năm": 5, "lăm": 5},
    **{"sáu": 6, "bảy": 7, "tám": 8, "chín": 9},
}


def heard(words: str) -> int:
    """The number that somebody writes down who hears it read: an independent way back."""
    billions = below = group = last = 0
    for word in words.lower().removesuffix(" đồng").split():
        if word in DIGIT_WORDS:
            last = DIGIT_WORDS[word]
        elif word == "mười":
            group, last = group + 10, 0
        elif word in ("mươi", "trăm"):
            group, last = group + last * {"mươi": 10, "trăm": 100}[word], 0
        elif word in ("nghìn", "triệu"):
            below, group, last = below + (group + last) * {"nghìn": 1000, "triệu": 10**6}[word], 0, 0
        elif word == "tỷ":
            billions, below, group, last = (billions + below + group + last) * 10**9, 0, 0, 0
        else:
            assert word == "linh", word
    return billions + below + group + last


@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_who_hears_an_amount_writes_the_same_number_down(amount_vnd: int) -> None:
    assert heard(amount_in_words(amount_vnd)) == amount_vnd


def test_a_negative_amount_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="-1 VND"):
        amount_in_words(-1)


def test_a_receipt_is_one_page_with_every_field_in_vietnamese() -> None:
    pdf = receipt_pdf(RECEIPT)
    assert pdf.startswith(b"%PDF-")
    assert len(PdfReader(io.BytesIO(pdf)).pages) == 1
    text = text_of(pdf)
    for shown in (
        "BIÊN LAI THU PHÍ, LỆ PHÍ",
        "Mẫu số: EBL01",
        "Ký hiệu: 26TAB",
        "Số: 1234",
        "Trung tâm Phục vụ hành chính công",
        "Mã số thuế: 5700000000",
        "Ngày 03 tháng 07 năm 2026",
        "Người nộp: Nguyễn Thị Ưu Đặng",
        "Địa chỉ: Số 5, đường Trần Hưng Đạo",
        "Mã hồ sơ: 000.00.00.H49-260702-0001",
        "Mã giao dịch: GD0001",
        "Phí thẩm định hồ sơ 1.200.000",
        "Lệ phí cấp giấy phép 21.004",
        "Tổng số tiền đã nộp 1.221.004",
        "Bằng chữ: Một triệu hai trăm hai mươi mốt nghìn không trăm linh bốn đồng",
        "Nền tảng thanh toán (giả lập)",
        "Bản thử nghiệm, không có giá trị",
    ):
        assert shown in text, shown


def test_template_symbol_and_number_have_the_circulars_form() -> None:
    assert re.fullmatch(r"EBL0[12]", RECEIPT.template)
    assert re.fullmatch(r"\d{2}T[ABCDEGHKLMNPQRSTUVXY]{2}", RECEIPT.symbol)


def test_the_symbols_year_is_the_vietnamese_one() -> None:
    assert replace(RECEIPT, issued_at=datetime(2026, 12, 31, 17, 0, tzinfo=UTC)).symbol == "27TAB"


def test_a_name_with_markup_is_shown_to_the_letter() -> None:
    name = "<b>&\"' **A** __B__ Đ"
    assert f"Người nộp: {name}" in text_of(receipt_pdf(replace(RECEIPT, payer_name=name)))


def test_every_vietnamese_letter_has_a_glyph(caplog: pytest.LogCaptureFixture) -> None:
    marked = "aăâeêioôơuưyáắấéếíóốớúứýàằầèềìòồờùừỳảẳẩẻểỉỏổởủửỷãẵẫẽễĩõỗỡũữỹạặậẹệịọộợụựỵđ"
    assert len(marked) == len(set(marked)) == 12 * 6 + 1
    pdf = receipt_pdf(replace(RECEIPT, payer_name=marked, payer_address=marked.upper()))
    assert marked + "Địachỉ:" + marked.upper() in "".join(text_of(pdf).split())
    assert "missing" not in caplog.text


def test_a_letter_without_a_glyph_is_noticed_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """So the absence of that remark above means something."""
    receipt_pdf(replace(RECEIPT, payer_name="漢"))
    assert "missing" in caplog.text


def test_too_many_fees_are_summed_on_the_last_line() -> None:
    text = text_of(receipt_pdf(replace(RECEIPT, fees=tuple((f"Phí {i}", 1000 + i) for i in range(40)))))
    assert "Phí 8 1.008" in text
    assert "Phí 9" not in text
    assert f"Các khoản khác {sum(1000 + i for i in range(9, 40)):,}".replace(",", ".") in text


def test_the_same_receipt_has_the_same_bytes_in_another_process() -> None:
    program = (
        "import hashlib, sys; from tests.test_receipt import RECEIPT; from simulator.receipt import receipt_pdf;"
        "sys.stdout.write(hashlib.sha256(receipt_pdf(RECEIPT)).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment, cwd=ROOT
    )
    assert done.stdout == sha256(receipt_pdf(RECEIPT)).hexdigest()


def test_another_receipt_has_other_bytes() -> None:
    assert receipt_pdf(replace(RECEIPT, number=1235)) != receipt_pdf(RECEIPT)


@settings(max_examples=15, deadline=None)
@given(text=st.text(max_size=300), amount_vnd=st.integers(min_value=-(10**15), max_value=10**15))
def test_any_text_and_amount_make_a_receipt(text: str, amount_vnd: int) -> None:
    receipt = replace(
        RECEIPT,
        **dict.fromkeys(("collector_name", "issuer_name", "payer_name", "payer_address", "bill_code"), text),
        fees=((text, amount_vnd),) * 3,
        amount_vnd=amount_vnd,
    )
    assert receipt_pdf(receipt).startswith(b"%PDF-")
