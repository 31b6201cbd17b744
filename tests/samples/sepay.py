"""SePay: what a connector answers to a webhook, and how it asks for a refund."""

import json
from datetime import datetime

from simulator.wire import Request
from tests.samples.sample import JSON_HEADERS, Sample

HEADERS = {**JSON_HEADERS, "authorization": "Bearer SP-TEST.sepay-test-api-token"}


def sepay_refund(transaction_id: str, key: str, amount_vnd: int | None = None) -> Request:
    """`amount_vnd` None = all that is left."""
    body = json.dumps({} if amount_vnd is None else {"refund_amount": amount_vnd}).encode()
    headers = {**HEADERS, "x-idempotency-key": key}
    return Request("POST", f"/v2/transactions/{transaction_id}/refund", headers=headers, body=body)


def sepay_others(ref: str, now: datetime) -> list[Request]:
    return [sepay_refund("92704", "K1", 1_000)]


def answer(method: str, path: str, body: bytes) -> dict[str, object]:
    return {"success": True}


SAMPLE = Sample("SP-TEST", None, None, sepay_others)
