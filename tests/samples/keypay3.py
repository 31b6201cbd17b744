"""KeyPay 3.0: create, detail and both calls of a refund, signed by code of the tests' own."""

import hmac
import json
from datetime import datetime

from simulator.wire import Request
from tests.samples.sample import JSON_HEADERS, Sample

KEY1 = "SIMULATORKEYPAY3KEY1"


def sealed(fields: dict[str, object], signed: tuple[str, ...], key: str = KEY1) -> dict[str, object]:
    text = "|".join(str(fields[name]) for name in signed)
    return {**fields, "check_sum": hmac.digest(key.encode(), text.encode(), "sha256").hex()}


def _posted(name: str, fields: dict[str, object]) -> Request:
    return Request(
        "POST", f"/api/v3/{name}", headers=JSON_HEADERS, body=json.dumps(fields, ensure_ascii=False).encode()
    )


def keypay3_create(ref: str, amount_vnd: int, now: datetime, key: str = KEY1, **changes: object) -> Request:
    fields: dict[str, object] = {
        "client_id": "KP3DEMO",
        "transaction_id": ref,
        "trans_amount": str(amount_vnd),
        "addition_fee": "0",
        "command": "PAY",
        "version": "3.0",
        "locale": "vn",
        "country_code": "vi",
        "currency_code": "VND",
        "environment": "1",
        "description": f"Nộp lệ phí {ref}",
        "return_url": "http://portal.test/return/keypay3",
        "bill_info": {"MaDichVu": "2", "MaHoSo": ref, "DSKhoanNop": [{"NoiDung": "Lệ phí", "SoTien": str(amount_vnd)}]},
        **changes,
    }
    signed = ("addition_fee", "client_id", "command", "trans_amount", "transaction_id", "version")
    return _posted("create", sealed(fields, signed, key))


def keypay3_detail(ref: str, ordered_at: datetime, request_ref: str = "", key: str = KEY1) -> Request:
    fields: dict[str, object] = {"client_id": "KP3DEMO", "command": "PAY", "transaction_id": ref}
    return _posted("detail", sealed(fields, tuple(fields), key))


def keypay3_refund(ref: str, amount_vnd: int, reason: str = "Hoan phi") -> Request:
    fields: dict[str, object] = {
        "amount": str(amount_vnd),
        "client_id": "KP3DEMO",
        "command": "REFUND",
        "reason": reason,
        "transaction_id": ref,
    }
    return _posted("refund", sealed(fields, tuple(fields)))


def keypay3_refund_detail(code: str) -> Request:
    fields: dict[str, object] = {"client_id": "KP3DEMO", "command": "REFUND_DETAIL", "transaction_refund_code": code}
    return _posted("refund-detail", sealed(fields, tuple(fields)))


def _others(ref: str, now: datetime) -> list[Request]:
    return [keypay3_refund(ref, 1_000), keypay3_refund_detail("RF1")]


def answer(method: str, path: str, body: bytes) -> dict[str, object]:
    return {"return_code": 0, "return_msg": "success"}


SAMPLE = Sample("KP3DEMO", keypay3_create, keypay3_detail, _others)
