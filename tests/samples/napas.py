"""NAPAS DPS: the hosted form, PURCHASE_OTP, its confirmation, refund and query, under a token that the bank gave."""

import json
import urllib.parse
from datetime import datetime
from functools import cache
from typing import Any

from simulator.banks.napas import DIALECT
from simulator.dialect import Endpoint, Reply
from simulator.merchants import default_merchants
from simulator.payment import Merchant
from simulator.wire import FORM_TYPE, Request
from tests.samples.sample import JSON_HEADERS, Sample

MERCHANT = "NAPASDEMO"
BASE = f"/api/rest/version/32/merchant/{MERCHANT}"
RETURN_URL = "http://portal.test/return?dossier=1"
CARD = {"number": "9704000000000018", "nameOnCard": "NGUYEN VAN A", "issueDate": "0307"}


def endpoint(name: str) -> Endpoint:
    (found,) = (each for each in DIALECT.endpoints if each.path.endswith(name) and each.method != "GET")
    return found


def merchants(code: str) -> Merchant | None:
    return next((each for each in default_merchants() if (each.bank, each.merchant_code) == ("napas", code)), None)


def asked(request: Request, at: Endpoint, now: datetime) -> dict[str, str]:
    """What the bank answers to a question that is about no payment."""
    command = at.decode(request, merchants)
    answer = json.loads(at.encode(request, command, Reply(now=now, reply_ref="0" * 32)).body)
    assert isinstance(answer, dict)
    return answer


def token_request(**changes: str) -> Request:
    fields = {
        "grant_type": "password",
        "client_id": MERCHANT,
        "client_secret": "CLIENTSECRET0123",
        "username": "demo",
        "password": "demo-password",
        **changes,
    }
    body = urllib.parse.urlencode(fields).encode()
    return Request("POST", "/api/oauth/token", headers={"content-type": FORM_TYPE}, body=body)


@cache
def token(now: datetime) -> str:
    return asked(token_request(), endpoint("/token"), now)["access_token"]


def called(method: str, path: str, now: datetime, body: dict[str, Any] | None = None) -> Request:
    raw = json.dumps(body, ensure_ascii=False).encode() if body is not None else b""
    return Request(method, BASE + path, headers={"authorization": f"Bearer {token(now)}", **JSON_HEADERS}, body=raw)


def key_request(ref: str, amount_vnd: int, now: datetime) -> Request:
    body = {
        "apiOperation": "DATA_KEY",
        "inputParameters": {
            "clientIP": "10.0.0.1",
            "deviceId": "D1",
            "environment": "WebApp",
            "cardScheme": "AtmCard",
            "enable3DSecure": "false",
        },
        "order": {"id": ref, "amount": str(amount_vnd), "currency": "VND"},
    }
    return called("POST", "/datakey", now, body)


def form_fields(ref: str, amount_vnd: int, now: datetime, **changes: str) -> dict[str, str]:
    request = key_request(ref, amount_vnd, now)
    placed = Request(
        request.method,
        request.path,
        headers=request.headers,
        body=request.body,
        places={"v": "32", "mid": MERCHANT},
    )
    keys = asked(placed, endpoint("/datakey"), now)
    return {
        "merchantId": MERCHANT,
        "clientIP": "10.0.0.1",
        "deviceId": "D1",
        "environment": "WebApp",
        "cardScheme": "AtmCard",
        "enable3DSecure": "false",
        "orderId": ref,
        "apiOperation": "PAY",
        "orderAmount": str(amount_vnd),
        "orderCurrency": "VND",
        "orderReference": f"Nop le phi {ref}",
        "channel": "6014",
        "sourceOfFundsType": "CARD",
        "dataKey": keys["dataKey"],
        "napasKey": keys["napasKey"],
        "returnUrl": RETURN_URL,
        **changes,
    }


def hosted_form(ref: str, amount_vnd: int, now: datetime) -> Request:
    body = urllib.parse.urlencode(form_fields(ref, amount_vnd, now)).encode()
    return Request("POST", "/api/rest/hostedform", headers={"content-type": FORM_TYPE}, body=body)


def purchase_body(ref: str, amount_vnd: int, **card: str) -> dict[str, Any]:
    return {
        "apiOperation": "PURCHASE_OTP",
        "channel": "6014",
        "order": {"amount": str(amount_vnd), "currency": "VND", "reference": f"Nop le phi {ref}"},
        "sourceOfFunds": {"type": "CARD", "provided": {"card": {**CARD, **card}}},
        "inputParameters": {"clientIP": "10.0.0.1", "deviceId": "D1", "environment": "WebApp"},
    }


def purchase(ref: str, amount_vnd: int, now: datetime, transaction: str = "T1", **card: str) -> Request:
    return called("PUT", f"/order/{ref}/transaction/{transaction}", now, purchase_body(ref, amount_vnd, **card))


def confirm(ref: str, otp: str, now: datetime, transaction: str = "T1") -> Request:
    body = {"apiOperation": "CONFIRM_OTP", "otp": otp}
    return called("PUT", f"/order/{ref}/transaction/{transaction}", now, body)


def refund(ref: str, amount_vnd: int, now: datetime, transaction: str = "R1") -> Request:
    money = {"amount": str(amount_vnd), "currency": "VND"}
    body = {"apiOperation": "REFUND_DOMESTIC", "transaction": money, "channel": "6014"}
    return called("PUT", f"/order/{ref}/transaction/{transaction}", now, body)


def query(ref: str, ordered_at: datetime, request_ref: str = "") -> Request:
    return called("GET", f"/order/{ref}/domestic", ordered_at)


def others(ref: str, now: datetime) -> list[Request]:
    return [
        token_request(),
        key_request(ref, 20_000, now),
        Request("GET", "/api/restjs/resources/js/napas.hostedform.min.js", b"v=1"),
        Request("GET", "/api/rest/hostedform", hosted_form(ref, 20_000, now).body),
        purchase(ref, 20_000, now),
        confirm(ref, "OTP", now),
        refund(ref, 20_000, now),
    ]


def answer(method: str, path: str, body: bytes) -> dict[str, object]:
    return {"result": "SUCCESS"}


SAMPLE = Sample(MERCHANT, hosted_form, query, others)
