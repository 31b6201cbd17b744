"""The city's gateway at VietinBank: a portal's requests and its answers, signed by code of the tests' own."""

import json
from datetime import datetime

from cryptography.hazmat.primitives import hashes

from simulator.clock import compact
from simulator.wire import Request
from tests.samples.sample import JSON_HEADERS, Sample
from tests.samples.vietinbank_wallet import rsa_signature

SIGNED = {
    "create": "requestId+merchantId+orderId+amount+currencyCode+payMethod+billCode+custName+remark+returnUrl+transTime"
    "+expireTime+clientIP+language",
    "query": "requestId+merchantId+orderId+transTime",
    "refund": "requestId+merchantId+orderId+amount+remark+transTime",
    "ack": "transId+errorCode+errorDesc",
}


def sealed(kind: str, fields: dict[str, str]) -> dict[str, str]:
    """The fields with the portal's signature."""
    text = "".join(fields.get(name, "") for name in SIGNED[kind].split("+"))
    signature = rsa_signature(text, "portal_private_key", hashes.SHA256(), "vietinbank_dn")
    return {**fields, "signature": signature}


def posted(kind: str, **fields: str) -> Request:
    body = json.dumps(sealed(kind, {"merchantId": "DANANG01", **fields}), ensure_ascii=False).encode()
    return Request("POST", f"/payment/{kind}", headers=JSON_HEADERS, body=body)


def create(ref: str, amount_vnd: int, now: datetime, **changes: str) -> Request:
    fields = {
        "requestId": f"C-{ref}",
        "orderId": ref,
        "amount": str(amount_vnd),
        "currencyCode": "VND",
        "billCode": "000.00.00.H17-261122-0001",
        "custName": "Nguyễn Văn A",
        "remark": f"Nop le phi {ref}",
        "returnUrl": "http://portal.test/return",
        "transTime": compact(now),
        "clientIP": "127.0.0.1",
        "language": "vi",
        **changes,
    }
    return posted("create", **fields)


def query(ref: str, ordered_at: datetime, request_ref: str) -> Request:
    return posted("query", requestId=request_ref, orderId=ref, transTime=compact(ordered_at))


def refund(ref: str, amount_vnd: int, now: datetime, request_ref: str) -> Request:
    fields = {"amount": str(amount_vnd), "remark": "Hoan le phi", "transTime": compact(now)}
    return posted("refund", requestId=request_ref, orderId=ref, **fields)


def _others(ref: str, now: datetime) -> list[Request]:
    return [refund(ref, 20_000, now, "R1"), create(ref, 20_000, now, payMethod="CASH")]


def answer(method: str, path: str, body: bytes) -> dict[str, str]:
    told = json.loads(body)
    return sealed("ack", {"transId": told["transId"], "errorCode": "00", "errorDesc": "Thành công"})


SAMPLE = Sample("DANANG01", create, query, _others)
