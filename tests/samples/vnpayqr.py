"""VNPAY-QR at the counter: create, check and refund, signed by code of the tests' own."""

import hashlib
import json
from datetime import datetime

from simulator.clock import VIETNAM, compact
from simulator.wire import Request
from tests.samples.sample import JSON_HEADERS, Sample

MERCHANT_CODE = "0102154778"
TERMINAL = "TERM01"
CREATE_PATH = "/QRCreateAPIRestV2/rest/CreateQrcodeApi/createQrcode"
CHECK_PATH = "/CheckTransaction/rest/api/CheckTrans"
REFUND_PATH = "/mms/refund"


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def posted(path: str, fields: object) -> Request:
    return Request("POST", path, headers=JSON_HEADERS, body=json.dumps(fields).encode())


def vnpayqr_create(ref: str, amount_vnd: int, now: datetime, **changes: object) -> Request:
    fields: dict[str, object] = {
        "appId": "MERCHANT",
        "merchantName": "QUAY THU PHI",
        "serviceCode": "03",
        "countryCode": "VN",
        "masterMerCode": "A000000775",
        "merchantType": "9399",
        "merchantCode": MERCHANT_CODE,
        "terminalId": TERMINAL,
        "payType": "03",
        "productId": "",
        "txnId": ref,
        "amount": str(amount_vnd),
        "tipAndFee": "",
        "ccy": "704",
        "expDate": "",
        **changes,
    }
    signed = "|".join("" if value is None else str(value) for value in fields.values())
    return posted(CREATE_PATH, {**fields, "desc": f"Nop le phi {ref}", "checksum": md5(f"{signed}|QRSECRET").upper()})


def vnpayqr_check(ref: str, ordered_at: datetime, request_ref: str = "", **changes: str) -> Request:
    fields = {
        "payDate": f"{ordered_at.astimezone(VIETNAM):%d/%m/%Y}",
        "txnId": ref,
        "merchantCode": MERCHANT_CODE,
        "terminalID": TERMINAL,
        **changes,
    }
    return posted(CHECK_PATH, {**fields, "checkSum": md5("|".join((*fields.values(), "QRSECRET-CHECK")))})


def vnpayqr_refund(
    ref: str, paid_at: datetime, qr_trace: str, amount_vnd: int, request_ref: str = "1", kind: str = "1", **changes: str
) -> Request:
    fields = {
        "merchantCode": MERCHANT_CODE,
        "qrTrace": qr_trace,
        "payTxnId": ref,
        "refundTxnId": request_ref,
        "typeRefund": kind,
        "amount": str(amount_vnd),
        "payDate": compact(paid_at),
        **changes,
    }
    check_sum = md5("".join(("QRSECRET-REFUND", *fields.values())))
    return posted(REFUND_PATH, {**fields, "refundContent": "", "checkSum": check_sum})


def vnpayqr_others(ref: str, now: datetime) -> list[Request]:
    return [vnpayqr_refund(ref, now, "14226112", 20_000)]


def answer(method: str, path: str, body: bytes) -> dict[str, object]:
    return {"code": "00", "message": "dat hang thanh cong", "data": {"txnId": json.loads(body)["txnId"]}}


SAMPLE = Sample(MERCHANT_CODE, vnpayqr_create, vnpayqr_check, vnpayqr_others)
