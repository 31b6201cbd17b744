"""ViettelPay: a portal's answers to bill check and result, and its search, signed by code of the tests' own."""

import hmac
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from simulator.wire import Request
from tests.samples.sample import BILL_AMOUNT_VND, Sample

FORM_HEADERS = {"content-type": "application/x-www-form-urlencoded"}


def viettelpay_check_sum(*values: str, access_code: str = "viettelpay-demo-access") -> str:
    return hmac.digest(b"viettelpay-demo-key", "".join((access_code, *values)).encode(), "sha1").hex()


def viettelpay_search(ref: str, ordered_at: datetime, request_ref: str, **changes: str) -> Request:
    fields = {"cmd": "TRANS_INQUIRY", "merchant_code": "DVCDEMO", "order_id": ref, "version": "2.0", **changes}
    fields.setdefault("check_sum", viettelpay_check_sum(*fields.values()))
    return Request("POST", "/search", headers=FORM_HEADERS, body=urlencode(fields).encode())


def viettelpay_refund(ref: str, number: str, amount_vnd: int, kind: str = "0", **changes: str) -> Request:
    signed = {
        "cmd": "REFUND_PAYMENT",
        "merchant_code": "DVCDEMO",
        "order_id": ref,
        "originalRequestId": number,
        "refundType": kind,
        "trans_amount": str(amount_vnd),
        "version": "2.0",
        **changes,
    }
    signature = signed.pop("check_sum", None) or viettelpay_check_sum(*signed.values())
    fields = {**signed, "trans_content": "Hoan phi", "check_sum": signature}
    return Request("POST", "/search", headers=FORM_HEADERS, body=urlencode(fields).encode())


def answer(method: str, path: str, body: bytes) -> dict[str, object]:
    """To a bill check: a bill of BILL_AMOUNT_VND, the check sum echoed; to a result: a signed 00."""
    asked = dict(parse_qsl(body.decode(), keep_blank_values=True))
    kept = {name: asked[name] for name in ("merchant_code", "order_id")}
    if "payment_status" not in asked:
        echoed = {"billcode": asked["billcode"], "check_sum": asked["check_sum"]}
        return {**kept, **echoed, "trans_amount": BILL_AMOUNT_VND, "error_code": "00"}
    links = dict.fromkeys(("return_url", "return_bill_code", "return_other_info"), "")
    signature = viettelpay_check_sum("00", kept["merchant_code"], kept["order_id"])
    return {"error_code": "00", **kept, **links, "check_sum": signature}


SAMPLE = Sample("DVCDEMO", None, viettelpay_search, lambda ref, now: [viettelpay_refund(ref, "98765432101234", 20_000)])
