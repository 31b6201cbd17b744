"""BIDV bill collection: a biller's answers."""

import json

from tests.samples.sample import BILL_AMOUNT_VND


def answer(method: str, path: str, body: bytes) -> dict[str, object]:
    """To getbill: one bill of BILL_AMOUNT_VND; to paybill: 000."""
    asked = json.loads(body)
    said = {"result_code": "000", "result_desc": "success"}
    if "trans_id" in asked:
        return {**said}
    return {
        **said,
        "service_id": asked["service_id"],
        "customer_id": asked["customer_id"],
        "customer_name": "NGUYEN VAN A",
        "customer_addr": "",
        "data": [{"type": 1, "amount": BILL_AMOUNT_VND, "bill_id": "BILL01"}],
    }
