"""OnePay's older gateway for domestic cards."""

from tests.samples.onepay import Gateway, answer, sample

__all__ = ["DOMESTIC", "SAMPLE", "answer"]

DOMESTIC = Gateway(
    "/onecomm-pay/vpc.op", "ONEPAY", "D67342C2", "A3EFDFABA8653DF2342E8DAC29B51AF0", "/onecomm-pay/Vpcdps.op"
)

SAMPLE = sample(DOMESTIC)
