"""SePay's payment gateway: the form, and calls to query, cancel and void, signed by code of the tests' own."""

import base64
import hmac
import json
from datetime import datetime
from urllib.parse import urlencode

from simulator.wire import Answer, Request
from tests.samples.sample import JSON_HEADERS, Sample

MERCHANT_CODE = "SP-GATEWAY"
SECRET_KEY = "spsk_test_0123456789"
HEADERS = {
    **JSON_HEADERS,
    "authorization": "Basic " + base64.b64encode(f"{MERCHANT_CODE}:{SECRET_KEY}".encode()).decode(),
}
INIT = "/v1/checkout/init"
UNSIGNED = frozenset({"custom_data", "order_tax_amount"})

EMPTY_ACKNOWLEDGES = frozenset({200})


def signed(fields: dict[str, str], secret_key: str = SECRET_KEY) -> str:
    text = ",".join(f"{name}={value}" for name, value in fields.items() if name not in UNSIGNED)
    return base64.b64encode(hmac.digest(secret_key.encode(), text.encode(), "sha256")).decode()


def gateway_fields(ref: str, amount_vnd: int, **changes: str) -> dict[str, str]:
    fields = {
        "merchant": MERCHANT_CODE,
        "operation": "PURCHASE",
        "order_amount": str(amount_vnd),
        "currency": "VND",
        "order_invoice_number": ref,
        "order_description": f"Nop le phi {ref}",
        "success_url": "http://portal.test/return?page=ok",
        "error_url": "http://portal.test/return?page=error",
        "cancel_url": "http://portal.test/return?page=cancel",
        **changes,
    }
    return fields | {"signature": signed(fields)}


def gateway_form(fields: dict[str, str]) -> Request:
    return Request("POST", INIT, body=urlencode(fields).encode())


def gateway_create(ref: str, amount_vnd: int, now: datetime, **changes: str) -> Request:
    return gateway_form(gateway_fields(ref, amount_vnd, **changes))


def gateway_detail(ref: str, ordered_at: datetime, request_ref: str = "") -> Request:
    return Request("GET", f"/v1/order/detail/{ref}", headers=HEADERS)


def gateway_asked(what: str, ref: str) -> Request:
    """`what` is cancel or voidTransaction."""
    body = json.dumps({"order_invoice_number": ref}).encode()
    return Request("POST", f"/v1/order/{what}", headers=HEADERS, body=body)


def gateway_others(ref: str, now: datetime) -> list[Request]:
    by_name = Request("GET", f"/v1/orders/{ref}", headers=HEADERS)
    return [gateway_asked("cancel", ref), gateway_asked("voidTransaction", ref), by_name]


def answer(method: str, path: str, body: bytes) -> Answer:
    return Answer(200)


SAMPLE = Sample(MERCHANT_CODE, gateway_create, gateway_detail, gateway_others)
