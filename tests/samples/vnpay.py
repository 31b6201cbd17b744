"""VNPAY: pay, querydr and refund, signed by code of the tests' own."""

import hmac
import json
import urllib.parse
from datetime import datetime

from simulator.clock import compact
from simulator.wire import Request
from tests.samples.sample import JSON_HEADERS, Sample

VNPAY_SECRET = "SIMULATORSECRETKEY0123456789ABCD"


def vnpay_pay(ref: str, amount_vnd: int, now: datetime, **changes: str) -> Request:
    fields = {
        "vnp_Amount": str(amount_vnd * 100),
        "vnp_Command": "pay",
        "vnp_CreateDate": compact(now),
        "vnp_CurrCode": "VND",
        "vnp_IpAddr": "127.0.0.1",
        "vnp_Locale": "vn",
        "vnp_OrderInfo": f"Nop le phi {ref}",
        "vnp_OrderType": "other",
        "vnp_ReturnUrl": "http://portal.test/return/vnpay",
        "vnp_TmnCode": "DEMOV210",
        "vnp_TxnRef": ref,
        "vnp_Version": "2.1.0",
        **changes,
    }
    query = urllib.parse.urlencode(sorted(fields.items()))
    signature = hmac.digest(VNPAY_SECRET.encode(), query.encode(), "sha512").hex()
    return Request("GET", "/paymentv2/vpcpay.html", f"{query}&vnp_SecureHash={signature}".encode())


def vnpay_querydr(ref: str, ordered_at: datetime, request_ref: str) -> Request:
    fields = {
        "vnp_RequestId": request_ref,
        "vnp_Version": "2.1.0",
        "vnp_Command": "querydr",
        "vnp_TmnCode": "DEMOV210",
        "vnp_TxnRef": ref,
        "vnp_TransactionDate": compact(ordered_at),
        "vnp_CreateDate": compact(ordered_at),
        "vnp_IpAddr": "127.0.0.1",
        "vnp_OrderInfo": "Truy van",
    }
    text = "|".join(fields.values())
    signature = hmac.digest(VNPAY_SECRET.encode(), text.encode(), "sha512").hex()
    body = json.dumps({**fields, "vnp_SecureHash": signature}).encode()
    return Request("POST", "/merchant_webapi/api/transaction", headers=JSON_HEADERS, body=body)


def vnpay_refund(ref: str, ordered_at: datetime, request_ref: str, amount_vnd: int, kind: str = "02") -> Request:
    fields = {
        "vnp_RequestId": request_ref,
        "vnp_Version": "2.1.0",
        "vnp_Command": "refund",
        "vnp_TmnCode": "DEMOV210",
        "vnp_TransactionType": kind,
        "vnp_TxnRef": ref,
        "vnp_Amount": str(amount_vnd * 100),
        "vnp_TransactionNo": "",
        "vnp_TransactionDate": compact(ordered_at),
        "vnp_CreateBy": "admin",
        "vnp_CreateDate": compact(ordered_at),
        "vnp_IpAddr": "127.0.0.1",
        "vnp_OrderInfo": "Hoan tien",
    }
    signature = hmac.digest(VNPAY_SECRET.encode(), "|".join(fields.values()).encode(), "sha512").hex()
    body = json.dumps({**fields, "vnp_SecureHash": signature}).encode()
    return Request("POST", "/merchant_webapi/api/transaction", headers=JSON_HEADERS, body=body)


def answer(method: str, path: str, body: bytes) -> dict[str, str]:
    return {"RspCode": "00", "Message": "Confirm Success"}


def others(ref: str, now: datetime) -> list[Request]:
    bank_list = Request("POST", "/qrpayauth/api/merchant/get_bank_list", body=b"tmn_code=DEMOV210")
    return [vnpay_refund(ref, now, "R1", 5_000, "03"), bank_list]


SAMPLE = Sample("DEMOV210", vnpay_pay, vnpay_querydr, others)
