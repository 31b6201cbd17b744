"""PyPI vietnam-qr-pay 1.0.0, unmodified, reads the codes of our banks: an understanding of VietQR that is not ours."""

from datetime import UTC, datetime
from importlib.metadata import version

import pytest
from vietnam_qr_pay.qr_pay import QRPay

from simulator import qr
from simulator.banks import dialects
from simulator.merchants import default_merchants
from simulator.payment import Merchant, Order, Payment

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


def test_quirk_a_wrong_length_inside_a_code_is_not_noticed() -> None:
    """vietqr-2021: the example whose account has one digit more than it says, with a right checksum."""
    text = "00020101021138570010A00000072701270006970403011200110123456780208QRIBFTTA53037045802VN6304F4E5"
    with pytest.raises(qr.QrError):
        qr.parse(text)
    assert QRPay(text).is_valid
