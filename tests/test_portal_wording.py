"""Amounts in words, texts a bank may print, masked names, and numbers that do not repeat."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.targets.portal.moments import compact, is_compact
from conformance.targets.portal.references import DOSSIER_CODE, bill_code, dossier_code, order_ref
from conformance.targets.portal.wording import in_dong, in_words, masked_address, masked_name, plain
from tests.portals import NOON


@pytest.mark.parametrize(
    ("amount_vnd", "words"),
    [
        (0, "Không đồng"),
        (5, "Năm đồng"),
        (10, "Mười đồng"),
        (15, "Mười lăm đồng"),
        (21, "Hai mươi mốt đồng"),
        (24, "Hai mươi tư đồng"),
        (14, "Mười bốn đồng"),
        (11, "Mười một đồng"),
        (55, "Năm mươi lăm đồng"),
        (105, "Một trăm linh năm đồng"),
        (110, "Một trăm mười đồng"),
        (50_000, "Năm mươi nghìn đồng"),
        (875_800, "Tám trăm bảy mươi lăm nghìn tám trăm đồng"),
        (1_005_000, "Một triệu không trăm linh năm nghìn đồng"),
        (1_200_000, "Một triệu hai trăm nghìn đồng"),
        (1_000_001, "Một triệu không trăm linh một đồng"),
        (3_000_000_000, "Ba tỷ đồng"),
        (2_000_050_000, "Hai tỷ không trăm năm mươi nghìn đồng"),
        (5_000_000_000_000, "Năm nghìn tỷ đồng"),
    ],
)
def test_an_amount_in_words(amount_vnd: int, words: str) -> None:
    assert in_words(amount_vnd) == words


@given(st.integers(0, 10**15), st.integers(0, 10**15))
def test_no_two_amounts_have_the_same_words(one: int, other: int) -> None:
    assert (in_words(one) == in_words(other)) == (one == other)
    assert "  " not in in_words(one)


def test_an_amount_in_digits() -> None:
    assert in_dong(1_200_000) == "1.200.000 đ"


@given(st.text(max_size=80))
def test_what_a_bank_prints_is_plain(text: str) -> None:
    assert all(sign == " " or (sign.isascii() and sign.isalnum()) for sign in plain(text))


def test_diacritics_go_and_letters_stay() -> None:
    assert plain("Lệ phí (hồ sơ) Đặng Thị Ngọc Ánh; H49.12") == "Le phi ho so Dang Thi Ngoc Anh H49 12"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Nguyễn Thị Ngọc Ánh", "Nguyễn *** Ánh"), ("Ánh", "Á***"), ("", ""), ("Lê Văn", "Lê *** Văn")],
)
def test_a_name_is_masked(name: str, shown: str) -> None:
    assert masked_name(name) == shown


def test_an_address_is_masked() -> None:
    assert masked_address("0912345678") == "***5678"
    assert masked_address("anh@example.vn") == "a***@example.vn"


def test_numbers_differ_fit_their_fields_and_name_the_day_in_vietnam() -> None:
    late = NOON.replace(hour=18)
    orders = {order_ref(late) for _ in range(2000)}
    bills = {bill_code("H17", late) for _ in range(2000)}
    assert len(orders) == len(bills) == 2000
    assert {len(order) for order in orders} == {18}
    assert {len(bill) for bill in bills} == {17}
    assert all(order.startswith("261123") for order in orders)
    assert all(bill.startswith("H17261123") for bill in bills)


@pytest.mark.parametrize("code", ["H49.12.6-261122-0001", "000.00.00.H17-240101-0001", "HS-1"])
def test_official_and_plain_dossier_codes_are_taken(code: str) -> None:
    assert DOSSIER_CODE.fullmatch(code)


@pytest.mark.parametrize("code", ["", "../x", "a/b", "a b", "-x", "ộ", "x" * 81, "<b>"])
def test_what_could_be_a_path_or_markup_is_no_dossier_code(code: str) -> None:
    assert not DOSSIER_CODE.fullmatch(code)


def test_a_dossier_code_has_the_official_form() -> None:
    assert dossier_code("H49.12.6", NOON, 7) == "H49.12.6-261122-0007"


@pytest.mark.parametrize(
    ("text", "is_time"),
    [
        (compact(NOON), True),
        ("07302025153300", True),
        ("20261322120000", False),
        ("20261122250000", False),
        ("2026112212000", False),
        ("202611221200000", False),
        ("92026112212063", False),
        ("２０２６1122120000", False),
        ("", False),
    ],
)
def test_a_time_on_the_wire_is_a_time(text: str, is_time: bool) -> None:
    assert is_compact(text) == is_time
