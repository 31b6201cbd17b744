"""OnePay's older gateway for international cards."""

from tests.samples.onepay import Gateway, answer, sample

__all__ = ["INTERNATIONAL", "SAMPLE", "answer"]

INTERNATIONAL = Gateway(
    "/vpcpay/vpcpay.op", "TESTONEPAY", "6BEB2546", "6D0870CDE5F24F34F3915FB0045120DB", "/vpcpay/Vpcdps.op"
)

SAMPLE = sample(INTERNATIONAL)
