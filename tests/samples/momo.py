"""MoMo: create, quick pay, query, refund, refund query and confirm, signed by code of the tests' own."""

import base64
import hmac
import json
from datetime import datetime
from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from simulator.merchants import default_merchants
from simulator.wire import Answer, Request
from tests.samples.sample import JSON_HEADERS, Sample

MOMO_SECRET = "K951B6PE1waDMi640xX08PD3vg6EkVlz"
ACCESS_KEY = "F8BBA842ECF85"
EMPTY_ACKNOWLEDGES = frozenset({204})
UNSIGNED = {"lang", "autoCapture", "signature", "accessKey"}
POS_UNSIGNED = {"ipnUrl"}


def momo_signed(fields: dict[str, object]) -> dict[str, object]:
    """Every field but those that are never signed, by name from a to z, with the access key first."""
    named = {"accessKey": ACCESS_KEY, **{name: value for name, value in fields.items() if name not in UNSIGNED}}
    raw = "&".join(f"{name}={named[name]}" for name in sorted(named))
    return {**fields, "signature": hmac.digest(MOMO_SECRET.encode(), raw.encode(), "sha256").hex()}


def momo_posted(path: str, fields: dict[str, object]) -> Request:
    body = json.dumps(momo_signed(fields), ensure_ascii=False).encode()
    return Request("POST", f"/v2/gateway/api/{path}", headers=JSON_HEADERS, body=body)


def momo_create(ref: str, amount_vnd: int, now: datetime, **changes: object) -> Request:
    fields = {
        "partnerCode": "MOMO",
        "requestId": f"R-{ref}",
        "amount": amount_vnd,
        "orderId": ref,
        "orderInfo": f"Nộp lệ phí {ref}",
        "redirectUrl": "http://portal.test/return/momo",
        "ipnUrl": "http://portal.test/callback/momo",
        "requestType": "captureWallet",
        "extraData": "",
        "autoCapture": True,
        "lang": "vi",
    }
    return momo_posted("create", fields | changes)


@cache
def sealed_code(code: str) -> str:
    """A code of the payer's app, as a till encrypts it. RSA pads by chance: one code is sealed once."""
    (merchant,) = (each for each in default_merchants() if each.bank == "momo")
    key = serialization.load_pem_public_key(merchant.secrets["pos_public_key"].encode())
    assert isinstance(key, rsa.RSAPublicKey)
    return base64.b64encode(key.encrypt(code.encode(), padding.PKCS1v15())).decode()


def momo_pos(ref: str, amount_vnd: int, code: str = "MM123456100000000001", **changes: object) -> Request:
    fields = {
        "partnerCode": "MOMO",
        "requestId": f"R-{ref}",
        "amount": amount_vnd,
        "orderId": ref,
        "orderInfo": f"Nộp lệ phí {ref}",
        "extraData": "",
        "paymentCode": sealed_code(code),
        "autoCapture": True,
        "lang": "vi",
        **changes,
    }
    unsigned = {name: fields.pop(name) for name in POS_UNSIGNED & fields.keys()}
    body = json.dumps({**momo_signed(fields), **unsigned}, ensure_ascii=False).encode()
    return Request("POST", "/v2/gateway/api/pos", headers=JSON_HEADERS, body=body)


def momo_query(ref: str, ordered_at: datetime, request_ref: str, **changes: object) -> Request:
    fields = {"partnerCode": "MOMO", "requestId": request_ref, "orderId": ref, "lang": "vi"}
    return momo_posted("query", fields | changes)


def momo_refund(refund_ref: str, trans_id: str, amount_vnd: int, **changes: object) -> Request:
    fields = {
        "partnerCode": "MOMO",
        "orderId": refund_ref,
        "requestId": f"R-{refund_ref}",
        "amount": amount_vnd,
        "transId": int(trans_id),
        "lang": "vi",
        "description": "Hoàn phí",
    }
    return momo_posted("refund", fields | changes)


def momo_refund_query(refund_ref: str) -> Request:
    fields = {"partnerCode": "MOMO", "requestId": f"Q-{refund_ref}", "orderId": refund_ref, "lang": "vi"}
    return momo_posted("refund/query", dict(fields))


def momo_confirm(ref: str, amount_vnd: int, kind: str) -> Request:
    fields = {
        "partnerCode": "MOMO",
        "requestId": f"C-{ref}",
        "orderId": ref,
        "requestType": kind,
        "amount": amount_vnd,
        "lang": "vi",
        "description": "",
    }
    return momo_posted("confirm", fields)


def others(ref: str, now: datetime) -> list[Request]:
    refunds = [momo_refund(f"RF-{ref}", "4088878653", 10_000), momo_refund_query(f"RF-{ref}")]
    till = momo_pos(f"T-{ref}", 20_000)
    return [till, *refunds, *(momo_confirm(ref, 20_000, kind) for kind in ("capture", "cancel"))]


def answer(method: str, path: str, body: bytes) -> Answer:
    return Answer(204)


SAMPLE = Sample("MOMO", momo_create, momo_query, others)
