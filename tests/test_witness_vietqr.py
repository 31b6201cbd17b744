"""PyPI vietnam-qr-pay 1.0.0, unmodified, reads the codes of our banks: an understanding of VietQR that is not ours."""

import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest
from vietnam_qr_pay.qr_pay import QRPay

from simulator import qr
from simulator.banks import dialects
from simulator.merchants import default_merchants
from simulator.payment import Merchant, Order, Payment

CODES = {
    vector["key"]: vector["text"]
    for vector in json.loads((Path(__file__).parents[1] / "fixtures/wire/qr/vectors.json").read_text("utf-8"))
}
TEXTS = ["HS0001", "Nop le phi HS0001", "Nộp lệ phí (Đ) #5", "100% A+B/C&D=E"]


def payment(code: str, description: str, amount_vnd: int) -> Payment:
    order = Order(order_ref="123", order_key="123", amount_vnd=amount_vnd, description=description)
    return Payment(
        payment_id="p" * 32,
        bank=code,
        merchant_code=merchant(code).merchant_code,
        order=order,
        amount_vnd=amount_vnd,
        bank_ref="1",
        created_at=datetime(2026, 1, 5, tzinfo=UTC),
    )


def merchant(code: str) -> Merchant:
    return next(each for each in default_merchants() if each.bank == code)


def written(code: str, description: str = "HS0001", amount_vnd: int = 18_060) -> str:
    qr_text = dialects()[code].qr_text
    assert qr_text is not None
    return qr_text(payment(code, description, amount_vnd), merchant(code))


def test_the_witness_is_the_version_that_was_judged() -> None:
    assert version("vietnam-qr-pay") == "1.0.0"


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("amount_vnd", [1, 18_060, 499_999_999])
def test_a_payos_code_is_read(text: str, amount_vnd: int) -> None:
    read = QRPay(written("payos", text, amount_vnd))
    assert read.is_valid
    assert (read.consumer.bank_bin, read.consumer.bank_number) == ("970436", "0123499999")
    assert (read.provider.guid, read.provider.service) == (qr.NAPAS_GUID, qr.TO_ACCOUNT)
    assert (read.init_method, read.amount) == ("12", str(amount_vnd))
    assert (read.additional_data.purpose, read.additional_data.reference) == (qr.plain(text), "123")


def test_a_sepay_code_is_read() -> None:
    read = QRPay(written("sepay"))
    assert read.is_valid
    assert (read.consumer.bank_number, read.amount, read.additional_data.purpose) == ("0123499990", "18060", "123")


def test_a_counter_code_of_vnpay_is_read() -> None:
    read = QRPay(written("vnpayqr"))
    assert read.is_valid
    assert (read.provider.guid, read.merchant.id) == (qr.VNPAY_GUID, "0102154778")
    assert (read.amount, read.additional_data.bill_number) == ("18060", "123")


@pytest.mark.parametrize("code", ["payos", "sepay", "vnpayqr"])
def test_a_code_with_a_changed_checksum_is_not_read(code: str) -> None:
    text = written(code)
    changed = text[:-1] + ("0" if text[-1] != "0" else "1")
    assert not QRPay(changed).is_valid


@pytest.mark.parametrize("amount_vnd", [None, 18_060])
def test_the_package_writes_the_code_that_we_write(amount_vnd: int | None) -> None:
    amount = None if amount_vnd is None else str(amount_vnd)
    theirs = QRPay.init_viet_qr("970436", "0123499999", amount, "HS0001").build()
    assert theirs == qr.vietqr("970436", "0123499999", amount_vnd, purpose="HS0001")


@pytest.mark.parametrize("key", [key for key in CODES if key[0] in "TEG" and key != "G3"])
def test_every_right_code_is_read_as_we_read_it(key: str) -> None:
    theirs, ours = QRPay(CODES[key]), qr.parse(CODES[key])
    assert theirs.is_valid
    assert theirs.amount == (None if ours.amount_vnd is None else str(ours.amount_vnd))
    number = theirs.merchant.id if ours.scheme is qr.Scheme.VNPAY else theirs.consumer.bank_number
    assert (number, theirs.additional_data.purpose or "") == (ours.beneficiary, ours.purpose)


@pytest.mark.parametrize("key", ["X2", "X3", "X5", "X6", "G3"])
def test_a_wrong_checksum_is_noticed(key: str) -> None:
    assert not QRPay(CODES[key]).is_valid


# --- what the package is known to do -----------------------------------------------------------------------------


def test_quirk_another_account_is_read_where_a_length_is_wrong() -> None:
    """vietqr-2021: the misprinted example says 12 and has 13 characters, with a right checksum."""
    with pytest.raises(qr.QrError):
        qr.parse(CODES["X1"])
    read = QRPay(CODES["X1"])
    assert (read.is_valid, read.consumer.bank_number) == (True, "001101234567")


def test_quirk_an_amount_of_zero_is_read() -> None:
    read = QRPay(CODES["X4"])
    assert (read.is_valid, read.amount) == (True, "0")


def test_quirk_a_purpose_above_its_limit_is_read() -> None:
    read = QRPay(CODES["X7"])
    assert (read.is_valid, len(read.additional_data.purpose)) == (True, 26)


def test_quirk_a_diacritic_counts_as_one_and_is_written() -> None:
    assert QRPay.init_viet_qr("970415", "119000123456", "20000", "Nộp lệ phí").build() == CODES["X8"]


def test_quirk_a_checksum_in_lower_case_is_taken() -> None:
    assert QRPay(CODES["T1"][:-4] + CODES["T1"][-4:].lower()).is_valid


def test_quirk_no_text_at_all_is_valid() -> None:
    assert QRPay("").is_valid


def test_quirk_accounts_and_purposes_of_any_length_are_written_so_that_a_length_has_three_digits() -> None:
    with pytest.raises(qr.QrError) as error:
        qr.parse(QRPay.init_viet_qr("970415", "1" * 25, "20000").build())
    assert (error.value.reason, error.value.where) == (qr.QrReason.TOO_LONG, "38-01-01")
    # 4 + 99 characters of object 62: unlike the npm package's 03, three digits where two belong.
    assert "621030899x" in QRPay.init_viet_qr("970415", "119000123456", "20000", "x" * 99).build()


@pytest.mark.parametrize("amount", ["0", "500000000"])
def test_quirk_an_amount_of_zero_and_one_above_the_limit_are_written(amount: str) -> None:
    assert f"54{len(amount):02d}{amount}" in QRPay.init_viet_qr("970415", "119000123456", amount).build()


def test_quirk_a_vnpay_code_with_an_amount_says_static() -> None:
    """vietnam-qr-pay#vnpay: ours say so too, for that is what is seen."""
    written_by_them = QRPay.init_vnpay_qr(
        "0102154778", "TUGIACOMPANY", "TU GIA COMPUTER", "TUGIACO1", "18060", reference="HS0001"
    )
    assert (written_by_them.init_method, qr.parse(written_by_them.build()).dynamic) == (None, False)
