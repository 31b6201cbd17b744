"""payOS: create, get, cancel and confirm-webhook, signed by code of the tests' own."""

import hmac
import json
from datetime import datetime

from simulator.wire import Answer, Request
from tests.samples.sample import JSON_HEADERS, Sample

CLIENT_ID = "11111111-2222-4333-8444-555555555555"
CHECKSUM_KEY = "1a54716c8f0efb2744fb28b6e38b25da7f67a925d98bc1c18bd8faaecadd7675"
HEADERS = {**JSON_HEADERS, "x-client-id": CLIENT_ID, "x-api-key": "66666666-7777-4888-8999-aaaaaaaaaaaa"}
LINKS = "/v2/payment-requests"

EMPTY_ACKNOWLEDGES = frozenset(range(200, 300))


def order_code(ref: str) -> str:
    """An orderCode is a number: "HS0001" -> "1"."""
    return str(int("".join(filter(str.isdigit, ref))))


def sealed(text: str) -> str:
    return hmac.digest(CHECKSUM_KEY.encode(), text.encode(), "sha256").hex()


def payos_create(ref: str, amount_vnd: int, now: datetime, **changes: object) -> Request:
    fields: dict[str, object] = {
        "orderCode": int(order_code(ref)),
        "amount": amount_vnd,
        "description": f"Nop le phi {ref}",
        "cancelUrl": "http://portal.test/cancel?a=1",
        "returnUrl": "http://portal.test/return",
        **changes,
    }
    signed = ("amount", "cancelUrl", "description", "orderCode", "returnUrl")
    signature = sealed("&".join(f"{name}={fields[name]}" for name in signed))
    body = json.dumps({"signature": signature, "items": [], **fields}).encode()
    return Request("POST", LINKS, headers=HEADERS, body=body)


def payos_get(ref: str, ordered_at: datetime, request_ref: str = "") -> Request:
    return Request("GET", f"{LINKS}/{order_code(ref)}", headers=HEADERS)


def payos_cancel(name: str, reason: str = "") -> Request:
    body = {"cancellationReason": reason, "signature": sealed(f"cancellationReason={reason}")} if reason else {}
    return Request("POST", f"{LINKS}/{name}/cancel", headers=HEADERS, body=json.dumps(body).encode())


def payos_confirm_webhook(url: str) -> Request:
    return Request("POST", "/confirm-webhook", headers=HEADERS, body=json.dumps({"webhookUrl": url}).encode())


def payos_invoices(name: str, invoice_id: str = "") -> Request:
    """The list, or one of them as a file."""
    path = f"{LINKS}/{name}/invoices" + (f"/{invoice_id}/download" if invoice_id else "")
    return Request("GET", path, headers=HEADERS)


def payos_others(ref: str, now: datetime) -> list[Request]:
    name = order_code(ref)
    return [
        payos_cancel(name, "Thu nghiem"),
        payos_confirm_webhook("https://portal.test/webhook"),
        payos_invoices(name),
        payos_invoices(name, "0" * 32),
    ]


def answer(method: str, path: str, body: bytes) -> Answer:
    return Answer(200)


SAMPLE = Sample(CLIENT_ID, payos_create, payos_get, payos_others, order_code)
