"""Facts about the merchants of a new sandbox."""

import pytest

from simulator.banks import dialects
from simulator.merchants import default_merchants, impostor_key
from simulator.payment import Merchant
from simulator.signing import rsa_sha256_sign, rsa_sha256_verify

BY_BANK = {merchant.bank: merchant for merchant in default_merchants()}


def test_every_bank_has_one_merchant_and_three_have_the_agreed_code() -> None:
    agreed = {"vnpay": "DEMOV210", "vietinbank": "9111", "dvcqg": "DEMO"}
    assert agreed.items() <= {bank: merchant.merchant_code for bank, merchant in BY_BANK.items()}.items()
    assert BY_BANK.keys() == dialects().keys()
    assert len(BY_BANK) == len(default_merchants())


@pytest.mark.parametrize("merchant", default_merchants(), ids=lambda merchant: merchant.bank)
def test_a_merchant_has_every_secret_that_its_bank_needs(merchant: Merchant) -> None:
    assert all(merchant.secrets.get(name) for name in dialects()[merchant.bank].secrets)


@pytest.mark.parametrize("merchant", default_merchants(), ids=lambda merchant: merchant.bank)
def test_nothing_is_called_before_a_sandbox_says_where(merchant: Merchant) -> None:
    assert (merchant.callback_url, merchant.inquiry_url) == ("", "")


@pytest.mark.parametrize("whose", ["bank", "biller"])
def test_a_key_named_by_its_file_is_read_in_and_fits_its_other_half(whose: str) -> None:
    secrets = BY_BANK["vietinbank"].secrets
    signature = rsa_sha256_sign(secrets[f"{whose}_private_key"], b"x")
    assert rsa_sha256_verify(secrets[f"{whose}_public_key"], b"x", signature)
    assert not rsa_sha256_verify(secrets[f"{whose}_public_key"], b"x", rsa_sha256_sign(impostor_key(), b"x"))
