"""VietinBank collection by QR: a biller whose bill is of two periods."""

from tests.samples import vietinbank
from tests.samples.sample import BILL_AMOUNT_VND

PERIODS = [
    {"billId": "B1", "billTerm": "102026", "amount": str(BILL_AMOUNT_VND - 5_000)},
    {"billId": "B2", "billTerm": "112026", "amount": "5000"},
]


def answer(method: str, path: str, body: bytes) -> dict[str, object]:
    said = vietinbank.answer(method, path, body)
    return said if "amount" not in said else {**said, "billInfo1": PERIODS}
