"""QR text: published codes are written to the letter, and wrong ones are refused for the right reason."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import qr
from simulator.qr import QrCode, QrError, QrReason, Scheme

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "fixtures/wire/qr/vectors.json").read_text(encoding="utf-8")
)
BUILT = [vector for vector in VECTORS if "builds" in vector]
REFUSED = [vector for vector in VECTORS if "refused" in vector]


def name_of(vector: dict[str, Any]) -> str:
    return f"{vector['key']} {vector['what']}"


def written(builds: dict[str, Any]) -> str:
    values = dict(builds)
    function = {"vietqr": qr.vietqr, "vnpay_qr": qr.vnpay_qr}[values.pop("function")]
    if "further" in values:
        values["further"] = tuple(tuple(each) for each in values["further"])
    return function(**values)


def sealed(body: str) -> str:
    return body + "6304" + qr.crc(body + "6304")


def reason_of(text: str) -> tuple[QrReason, str]:
    with pytest.raises(QrError) as error:
        qr.parse(text)
    return error.value.reason, error.value.where


@pytest.mark.parametrize("vector", BUILT, ids=name_of)
def test_a_published_code_is_written_to_the_letter(vector: dict[str, Any]) -> None:
    assert written(vector["builds"]) == vector["text"]


@pytest.mark.parametrize("vector", BUILT, ids=name_of)
def test_a_published_code_read_and_written_again_is_the_same(vector: dict[str, Any]) -> None:
    assert qr.encode(qr.parse(vector["text"])) == vector["text"]


@pytest.mark.parametrize("vector", REFUSED, ids=name_of)
def test_a_wrong_code_is_refused_for_its_reason(vector: dict[str, Any]) -> None:
    assert reason_of(vector["text"]) == (vector["refused"], vector["where"])


def test_diacritics_are_read_with_a_warning_but_never_written() -> None:
    vector = next(vector for vector in VECTORS if vector["key"] == "X8")
    read = qr.parse(vector["text"])
    assert read.purpose == vector["purpose"]
    assert read.warnings
    with pytest.raises(QrError) as error:
        qr.vietqr("970415", "119000123456", 20000, purpose="Nộp lệ phí")
    assert error.value.reason is QrReason.BAD_CHARACTER


def test_objects_may_stand_in_any_order_between_the_first_and_the_last() -> None:
    read = qr.parse(sealed("0002015802VN530370438540010A00000072701240006970436011001234999990208QRIBFTTA010211"))
    assert (read.bank_bin, read.beneficiary, read.dynamic) == ("970436", "0123499999", False)


ACCOUNT = "38540010A00000072701240006970436011001234999990208QRIBFTTA"


@pytest.mark.parametrize(
    ("amount", "vnd"),
    [("50000", 50000), ("50000.", 50000), ("1", 1), ("0000001", 1), ("9999999999999", 9999999999999)],
)
def test_an_amount_is_whole_dong(amount: str, vnd: int) -> None:
    text = sealed(f"000201010212{ACCOUNT}530370454{len(amount):02d}{amount}5802VN")
    assert qr.parse(text).amount_vnd == vnd


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        ("50 000", QrReason.BAD_AMOUNT),
        ("50000.0", QrReason.BAD_AMOUNT),
        ("-5", QrReason.BAD_AMOUNT),
        ("5e3", QrReason.BAD_AMOUNT),
        ("٥٠٠", QrReason.BAD_AMOUNT),
        (".", QrReason.BAD_AMOUNT),
        ("0.", QrReason.ZERO_AMOUNT),
        ("00000000000001", QrReason.TOO_LONG),
    ],
)
def test_anything_else_is_no_amount(amount: str, reason: QrReason) -> None:
    text = sealed(f"000201010212{ACCOUNT}530370454{len(amount):02d}{amount}5802VN")
    assert reason_of(text) == (reason, "54")


@pytest.mark.parametrize(
    ("body", "reason", "where"),
    [
        ("", QrReason.WRONG_START, "00"),
        (f"010211000201{ACCOUNT}53037045802VN", QrReason.WRONG_START, "00"),
        (f"000202010211{ACCOUNT}53037045802VN", QrReason.WRONG_START, "00"),
        (f"000201010213{ACCOUNT}53037045802VN", QrReason.BAD_VALUE, "01"),
        (f"000201{ACCOUNT}53037045802VN", QrReason.MISSING_OBJECT, "01"),
        (f"000201010211{ACCOUNT}5802VN", QrReason.MISSING_OBJECT, "53"),
        (f"000201010211{ACCOUNT}5303704", QrReason.MISSING_OBJECT, "58"),
        (f"000201010211{ACCOUNT}53038405802VN", QrReason.BAD_VALUE, "53"),
        (f"000201010211{ACCOUNT}53037045802US", QrReason.BAD_VALUE, "58"),
        (f"000201010211{ACCOUNT}5303704530370458020VN", QrReason.BAD_LENGTH, ""),
        (f"000201010211{ACCOUNT}530370453037045802VN", QrReason.REPEATED_OBJECT, "53"),
        ("00020101021153037045802VN", QrReason.UNKNOWN_SCHEME, ""),
        (f"000201010211{ACCOUNT.replace('727', '728')}53037045802VN", QrReason.UNKNOWN_SCHEME, "38-00"),
        (f"000201010211{ACCOUNT.replace('QRIBFTTA', 'QRIBFTTX')}53037045802VN", QrReason.BAD_VALUE, "38-02"),
        (f"000201010211{ACCOUNT.replace('970436', '97O436')}53037045802VN", QrReason.BAD_VALUE, "38-01-00"),
        (f"000201010211{ACCOUNT}5502025303704" + "5802VN", QrReason.MISSING_OBJECT, "56"),
        (f"000201010211{ACCOUNT}53037045802VN62080904AMEA", QrReason.TOO_LONG, "62-09"),
        (f"000201010211{ACCOUNT}53037045802VN62050901X", QrReason.BAD_VALUE, "62-09"),
        (f"000201010211{ACCOUNT}53037045802VN62100101A0101B", QrReason.REPEATED_OBJECT, "62-01"),
        (f"000201010211{ACCOUNT}53037045802VN6200", QrReason.BAD_LENGTH, "62"),
        (f"000201010211{ACCOUNT}53037045802VN591\x00A", QrReason.BAD_CHARACTER, ""),
    ],
)
def test_what_the_specification_forbids_is_named(body: str, reason: QrReason, where: str) -> None:
    assert reason_of(sealed(body)) == (reason, where)


def test_a_code_must_end_with_its_checksum() -> None:
    body = f"000201010211{ACCOUNT}53037045802VN"
    assert reason_of(body) == (QrReason.CRC_NOT_LAST, "63")
    assert reason_of(sealed(body) + "5901A") == (QrReason.CRC_NOT_LAST, "63")


def test_a_checksum_in_lower_case_is_refused() -> None:
    text = next(vector["text"] for vector in VECTORS if vector["key"] == "T1")
    assert text[-4:] == "9E6F"
    assert reason_of(text[:-4] + text[-4:].lower()) == (QrReason.BAD_CRC, "63")


def test_cash_needs_its_category_reference_and_terminal() -> None:
    cash = {
        "service": "QRCASH",
        "dynamic": True,
        "merchant_name": "NGUYEN HUU HUAN",
        "city": "HANOI",
        "category_code": "6011",
        "reference": "R",
        "terminal": "T",
    }
    assert qr.parse(qr.vietqr("970403", "12345678", **cash)).service == "QRCASH"
    for field, value in (("category_code", "5812"), ("reference", ""), ("terminal", ""), ("city", "")):
        with pytest.raises(QrError):
            qr.vietqr("970403", "12345678", **{**cash, field: value})


@pytest.mark.parametrize(
    ("arguments", "reason", "where"),
    [
        ({"bank_bin": "97041"}, QrReason.BAD_VALUE, "38-01-00"),
        ({"account": ""}, QrReason.MISSING_OBJECT, "38-01-01"),
        ({"account": "1" * 20}, QrReason.TOO_LONG, "38-01-01"),
        ({"amount_vnd": 0}, QrReason.ZERO_AMOUNT, "54"),
        ({"amount_vnd": -5}, QrReason.BAD_AMOUNT, "54"),
        ({"amount_vnd": 500_000_000}, QrReason.AMOUNT_ABOVE_LIMIT, "54"),
        ({"purpose": "x" * 26}, QrReason.TOO_LONG, "62-08"),
        ({"purpose": "x" * 25, "bill_number": "y" * 25, "store": "z" * 25, "terminal": "t" * 25},
         QrReason.TOO_LONG, "62"),
        ({"service": "QRFUSH"}, QrReason.BAD_VALUE, "38-02"),
        ({"service": "QRPUSH"}, QrReason.MISSING_OBJECT, "52"),
    ],
)  # fmt: skip
def test_a_code_nobody_could_pay_is_not_written(arguments: dict[str, Any], reason: QrReason, where: str) -> None:
    values = {"bank_bin": "970415", "account": "119000123456"} | arguments
    with pytest.raises(QrError) as error:
        qr.vietqr(**values)
    assert (error.value.reason, error.value.where) == (reason, where)


@given(st.text(max_size=300).filter(lambda text: not text.startswith("000201")))
def test_text_that_is_no_code_is_refused_and_never_breaks_the_reader(text: str) -> None:
    with pytest.raises(QrError):
        qr.parse(text)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=0x1FF, exclude_categories=["C", "Z"]), max_size=99))
def test_a_value_of_any_letters_is_read_or_refused_but_never_lost(value: str) -> None:
    text = sealed(f"000201010211{ACCOUNT}53037045802VN59{len(value):02d}{value}")
    if 1 <= len(value) <= 25:
        assert qr.parse(text).merchant_name == value
    else:
        assert reason_of(text)[1] == "59"


@given(st.sampled_from(BUILT), st.data())
def test_one_changed_character_never_passes(vector: dict[str, Any], data: st.DataObject) -> None:
    text: str = vector["text"]
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(min_codepoint=32, max_codepoint=126).filter(lambda it: it != text[at]))
    with pytest.raises(QrError):
        qr.parse(text[:at] + other + text[at + 1 :])


plain = st.characters(min_codepoint=32, max_codepoint=126)
mark = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=19)
short = st.text(plain, max_size=15)
codes = st.one_of(
    st.builds(
        QrCode,
        scheme=st.just(Scheme.VIETQR),
        bank_bin=st.from_regex(r"[0-9]{6}", fullmatch=True),
        beneficiary=mark,
        service=st.sampled_from(["QRIBFTTA", "QRIBFTTC"]),
        dynamic=st.booleans(),
        amount_vnd=st.none() | st.integers(1, 499_999_999),
        bill_number=short,
        reference=short,
        terminal=short,
        purpose=short,
        further=st.sampled_from([(), (("80", "046"),), (("62-50", "X"),), (("65", "A"), ("80", "B"))])
        .map(lambda found: tuple(found)),
    ),
    st.builds(
        QrCode,
        scheme=st.just(Scheme.VNPAY),
        beneficiary=mark,
        dynamic=st.booleans(),
        amount_vnd=st.none() | st.integers(1, 9_999_999_999_999),
        merchant_name=st.text(plain, min_size=1, max_size=25),
        city=short,
        store=short,
        loyalty=short,
        customer=short,
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("Sở Y tế Đà Nẵng", "So Y te Da Nang"),
        ("đ\n①🙂", "d1"),
        ("", ""),
        ("x" * 26, "x" * 25),
        ("x" * 24 + " y", "x" * 24),
    ],
)
def test_a_text_is_written_in_plain_letters(text: str, letters: str) -> None:
    assert qr.plain(text) == letters


@given(codes)
def test_what_is_written_is_read_back_equal(code: QrCode) -> None:
    assert qr.parse(qr.encode(code)) == code
