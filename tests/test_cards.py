"""Card numbers are known by scheme, checked by Luhn, and never kept whole."""

import base64
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.cards import CardScheme, eci_of, luhn_holds, mask_encoded, mask_pans, masked, scheme_of

PAN = "9704198526191432198"
MASKED = "970419*********2198"


@pytest.mark.parametrize(
    ("pan", "scheme"),
    [
        (PAN, CardScheme.NAPAS),
        ("9704000000000018", CardScheme.NAPAS),
        ("4456530000001005", CardScheme.VISA),
        ("5200000000001096", CardScheme.MASTERCARD),
        ("2221000000000009", CardScheme.MASTERCARD),
        ("2720990000000007", CardScheme.MASTERCARD),
        ("3337000000000008", CardScheme.JCB),
        ("3530111333300000", CardScheme.JCB),
        ("371449635398431", CardScheme.AMEX),
        ("6250941006528599", CardScheme.UNIONPAY),
        ("97040000000000181", None),
        ("2220990000000000", None),
        ("2721000000000004", None),
        ("1234567890123456", None),
        ("٩٧٠٤٠٠٠٠٠٠٠٠٠٠١٨", None),
        ("", None),
    ],
)
def test_a_number_tells_its_scheme(pan: str, scheme: CardScheme | None) -> None:
    assert scheme_of(pan) is scheme


@pytest.mark.parametrize("pan", [PAN, "9704000000000018", "4456530000001005", "371449635398431", "0"])
def test_luhn_holds_for_published_cards(pan: str) -> None:
    assert luhn_holds(pan)


@pytest.mark.parametrize("pan", ["9704031101234567", "9704151111111111", "9704150000000018", "", "97o4", "٠"])
def test_luhn_fails_for_the_demo_numbers_that_break_it_and_for_text(pan: str) -> None:
    assert not luhn_holds(pan)


@given(st.from_regex(r"[0-9]{1,18}", fullmatch=True), st.integers(0, 17), st.integers(1, 9))
def test_luhn_notices_every_single_wrong_digit(start: str, at: int, by: int) -> None:
    whole = next(start + digit for digit in "0123456789" if luhn_holds(start + digit))
    at %= len(whole)
    wrong = whole[:at] + str((int(whole[at]) + by) % 10) + whole[at + 1 :]
    assert not luhn_holds(wrong)


def test_masking_keeps_six_and_four() -> None:
    assert masked(PAN) == MASKED
    assert masked("1234567890") == "**********"


@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "card={}&name=A",
        '{{"number":"{}","x":1}}',
        '{{"number":{}}}',
        "{}|970400|{}",
        "%22{}%22",
        "number%3D{}%26",
        "a: {}\r\n",
        "\\n{}\\n",
        "-{}-",
        "({})",
        "<pan>{}</pan>",
        "Thẻ {}.",
        "đ{}đ",
    ],
)
def test_a_number_that_stands_alone_is_masked(around: str) -> None:
    for pan, kept in ((PAN, MASKED), ("9704151111111111", "970415******1111"), ("371449635398431", "371449*****8431")):
        assert mask_pans(around.format(pan, pan).encode()) == around.format(kept, kept).encode()


@pytest.mark.parametrize(
    "text",
    [
        f"signature=a3f{PAN}b2",
        f"signature={PAN}b2",
        f"00020101021138600010A00000072701300006{PAN[:6]}0116{PAN[:16]}0208QRIBFTTC",
        f"1{PAN}",
        f"{PAN}1",
        f"x{PAN}",
        "order=4456530000001004",
        "order=6250941006528590",
        "at=20260801153512&epoch=1721720663942",
        "970419*********2198",
        "4111 1111 1111 1112",
        "4111 1111 1111 111",
        "9 4111 1111 1111 1111",
        "4111 1111 1111 1111 2222",
        "x4111 1111 1111 1111",
        "at=2026-11-22 0300-4111 1111",
        "ref=261122-101500-0001",
        "20261122 101500 0001",
        "HS-2026-0001 HS-2026-0002 HS-2026-0003",
        "50000 50000 50000 50000",
        "tel +84 912 345 678, 0912 345 679",
        "4 111 111 111 111 111",
    ],
)
def test_digits_within_something_longer_and_numbers_that_are_no_cards_stay(text: str) -> None:
    assert mask_pans(text.encode()) == text.encode()


GROUPED = [
    ("9704 1985 2619 1432 198", "9704 19** **** ***2 198"),
    ("9704-1985-2619-1432-198", "9704-19**-****-***2-198"),
    ("970419 8526191432198", "970419 *********2198"),
    ("9704 1985 2619 1432198", "9704 19** **** ***2198"),
    ("9704 1511 1111 1111", "9704 15** **** 1111"),
    ("4111 1111 1111 1111", "4111 11** **** 1111"),
    ("4111  1111  1111  1111", "4111  11**  ****  1111"),
    ("4111.1111.1111.1111", "4111.11**.****.1111"),
    ("4111-1111 1111-1111", "4111-11** ****-1111"),
    ("41111111 11111111", "411111** ****1111"),
    ("3714 496353 98431", "3714 49**** *8431"),
    ("4111+1111+1111+1111", "4111+11**+****+1111"),
    ("4111%201111%201111%201111", "4111%2011**%20****%201111"),
    ("4111\u00a01111\u00a01111\u00a01111", "4111\u00a011**\u00a0****\u00a01111"),
    ("4111%C2%A01111%C2%A01111%C2%A01111", "4111%C2%A011**%C2%A0****%C2%A01111"),
]


@pytest.mark.parametrize(("typed", "kept"), GROUPED)
@pytest.mark.parametrize(
    "around", ["{}", "card={}&name=A", '{{"number":"{}","x":1}}', "%22{}%22", "\\n{}\\n", "Thẻ {}, {}"]
)
def test_a_number_typed_in_groups_is_masked_and_keeps_its_blanks(typed: str, kept: str, around: str) -> None:
    assert mask_pans(around.format(typed, typed).encode()) == around.format(kept, kept).encode()
    assert mask_pans(mask_pans(typed.encode())) == kept.encode()


def test_a_number_inside_base64_is_found_where_it_is_looked_for() -> None:
    inside = json.dumps({"soTaiKhoan_The": "4111111111111111", "soTien": "50000"}).encode()
    message = b'{"duLieu":"' + base64.b64encode(inside) + b'","signature":"' + base64.b64encode(b"s" * 96) + b'"}'
    assert mask_pans(message) == message
    kept = mask_encoded(message)
    assert base64.b64decode(json.loads(kept)["duLieu"]) == inside.replace(b"4111111111111111", b"411111******1111")
    assert json.loads(kept)["signature"] == json.loads(message)["signature"]


@pytest.mark.parametrize(
    ("pan", "eci"),
    [
        ("4456530000001005", ("05", "06", "07")),
        ("3337000000000008", ("05", "06", "07")),
        ("371449635398431", ("05", "06", "07")),
        ("5200000000001005", ("02", "01", "00")),
    ],
)
def test_the_eci_tells_how_far_the_issuer_vouches(pan: str, eci: tuple[str, str, str]) -> None:
    assert tuple(eci_of(pan, status) for status in "YAN") == eci
    assert eci_of(pan, "U") == eci_of(pan, "R") == eci[2]
    assert eci_of(pan, "C") == ""


@given(st.binary(max_size=200))
def test_masking_keeps_length_and_masking_twice_changes_nothing(message: bytes) -> None:
    once = mask_pans(message)
    assert len(once) == len(message)
    assert mask_pans(once) == once


@given(
    st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4), st.sampled_from(["9704000000000018", PAN])
)
def test_no_whole_number_survives_in_a_json_message(others: dict[str, str], pan: str) -> None:
    message = json.dumps({**others, "number": pan, "list": [pan]}).encode()
    assert pan.encode() not in mask_pans(message)


def test_a_long_message_of_digits_is_masked_in_linear_time() -> None:
    started = time.process_time()
    mask_pans(b"9704" * 500_000 + b"4" * 1_000_000)
    assert time.process_time() - started < 5
