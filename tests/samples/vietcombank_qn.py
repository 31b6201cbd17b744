"""Vietcombank for Quảng Ninh: pay, query and refund, signed by code of the tests' own."""

import hmac
import json
from datetime import datetime, timedelta
from urllib.parse import urlencode

from simulator.wire import Request
from tests.samples.sample import JSON_HEADERS, Sample

SECRET = "demo-secret"


def signed(kind: str, *values: str, secret: str = SECRET) -> str:
    return hmac.digest(secret.encode(), "|".join((kind, *values)).encode(), "sha256").hex()


def local(instant: datetime) -> str:
    return (instant + timedelta(hours=7)).strftime("%d-%m-%Y %H:%M:%S")


def pay_fields(ref: str, amount_vnd: int, now: datetime) -> dict[str, str]:
    """In the order in which they are signed."""
    return {
        "providerId": "VCBQN",
        "orderId": ref,
        "amount": str(amount_vnd),
        "currency": "VND",
        "description": f"Nộp lệ phí {ref}",
        "requestDateTime": local(now),
        "expireDateTime": "",
        "channel": "",
        "language": "vi",
        "clientIp": "127.0.0.1",
        "returnUrl": "http://portal.test/return?dossier=1",
    }


def pay_request(fields: dict[str, str]) -> Request:
    query = urlencode(fields | {"signature": signed("PAY", *fields.values())})
    return Request("GET", "/ecommerce/pay", query.encode())


def pay(ref: str, amount_vnd: int, now: datetime) -> Request:
    return pay_request(pay_fields(ref, amount_vnd, now))


def enveloped(kind: str, payload: dict[str, str], message_ref: str, now: datetime) -> Request:
    context = {"channelId": "PORTAL", "channelRefNumber": message_ref, "requestDateTime": local(now)}
    signature = signed(kind, *context.values(), *payload.values())
    body = json.dumps({"context": context, "payload": payload, "signature": signature}).encode()
    return Request("POST", f"/ecommerce/{kind.lower()}", headers=JSON_HEADERS, body=body)


def query(ref: str, ordered_at: datetime, request_ref: str) -> Request:
    return enveloped("QUERY", {"providerId": "VCBQN", "orderId": ref}, request_ref, ordered_at)


def refund(ref: str, refund_ref: str, amount_vnd: int, now: datetime) -> Request:
    payload = {
        "providerId": "VCBQN",
        "orderId": ref,
        "refundId": refund_ref,
        "amount": str(amount_vnd),
        "description": "Hoàn lệ phí",
    }
    return enveloped("REFUND", payload, f"M-{refund_ref}", now)


def answer(method: str, path: str, body: bytes) -> dict[str, object]:
    asked = json.loads(body)["context"]
    context = {
        "channelId": asked["channelId"],
        "channelRefNumber": asked["channelRefNumber"],
        "responseMsgId": "MSG1",
        "status": "SUCCESS",
        "errorCode": "0",
    }
    return {"context": context, "payload": {}, "signature": signed("PAYMENT_ANSWER", *context.values())}


SAMPLE = Sample("VCBQN", pay, query, lambda ref, now: [refund(ref, "R1", 5_000, now)])
