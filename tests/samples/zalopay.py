"""ZaloPay: create, query, refund, refund query and the list of banks, signed by code of the tests' own."""

import hmac
import json
import urllib.parse
from datetime import datetime, timedelta

from simulator.wire import Request
from tests.samples.sample import JSON_HEADERS, Sample

KEY1 = "PcY4iZIKFCIdgZvA6ueMcMHHUbRLYjPL"
FORM_HEADERS = {"content-type": "application/x-www-form-urlencoded"}


def zalopay_mac(*values: object) -> str:
    return hmac.digest(KEY1.encode(), "|".join(map(str, values)).encode(), "sha256").hex()


def day(now: datetime) -> str:
    return (now + timedelta(hours=7)).strftime("%y%m%d")


def milliseconds(now: datetime) -> int:
    return int(now.timestamp()) * 1000


def form_posted(path: str, fields: dict[str, object]) -> Request:
    return Request("POST", path, headers=FORM_HEADERS, body=urllib.parse.urlencode(fields).encode())


def json_posted(path: str, fields: dict[str, object]) -> Request:
    return Request("POST", path, headers=JSON_HEADERS, body=json.dumps(fields).encode())


def create_fields(ref: str, amount_vnd: int, now: datetime, **changes: object) -> dict[str, object]:
    fields: dict[str, object] = {
        "app_id": 2553,
        "app_user": "user123",
        "app_trans_id": f"{day(now)}_{ref}",
        "app_time": milliseconds(now),
        "amount": amount_vnd,
        "item": "[]",
        "embed_data": json.dumps({"redirecturl": "http://portal.test/return/zalopay"}),
        "description": f"Nộp lệ phí {ref}",
        **changes,
    }
    names = ("app_id", "app_trans_id", "app_user", "amount", "app_time", "embed_data", "item")
    return {"mac": zalopay_mac(*(fields[name] for name in names)), **fields}


def zalopay_create(ref: str, amount_vnd: int, now: datetime, **changes: object) -> Request:
    return form_posted("/v2/create", create_fields(ref, amount_vnd, now, **changes))


def zalopay_query(ref: str, ordered_at: datetime, request_ref: str = "") -> Request:
    number = f"{day(ordered_at)}_{ref}"
    fields = {"app_id": 2553, "app_trans_id": number, "mac": zalopay_mac(2553, number, KEY1)}
    return json_posted("/v2/query", fields)


def zalopay_refund(refund_ref: str, zp_trans_id: str, amount_vnd: int, now: datetime, **changes: object) -> Request:
    fields: dict[str, object] = {
        "app_id": 2553,
        "m_refund_id": f"{day(now)}_2553_{refund_ref}",
        "zp_trans_id": zp_trans_id,
        "amount": amount_vnd,
        "timestamp": milliseconds(now),
        "description": "Hoàn phí",
        **changes,
    }
    names = ("app_id", "zp_trans_id", "amount", "description", "timestamp")
    return json_posted("/v2/refund", {"mac": zalopay_mac(*(fields[name] for name in names)), **fields})


def zalopay_query_refund(refund_ref: str, now: datetime) -> Request:
    number, at = f"{day(now)}_2553_{refund_ref}", milliseconds(now)
    fields = {"app_id": 2553, "m_refund_id": number, "timestamp": at, "mac": zalopay_mac(2553, number, at)}
    return form_posted("/v2/query_refund", fields)


def zalopay_banks(now: datetime, method: str = "POST") -> Request:
    at = milliseconds(now)
    posted = form_posted("/api/getlistmerchantbanks", {"appid": 2553, "reqtime": at, "mac": zalopay_mac(2553, at)})
    return posted if method == "POST" else Request("GET", posted.path, query=posted.body)


def others(ref: str, now: datetime) -> list[Request]:
    refunds = [zalopay_refund(ref, "261122000000001", 20_000, now), zalopay_query_refund(ref, now)]
    return [*refunds, zalopay_banks(now), zalopay_banks(now, "GET")]


def answer(method: str, path: str, body: bytes) -> dict[str, object]:
    return {"return_code": 1, "return_message": "success"}


SAMPLE = Sample("2553", zalopay_create, zalopay_query, others)
