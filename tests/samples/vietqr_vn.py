"""VietQR.vn: a code, a question, a refund, with tokens and checksums by code of the tests' own."""

import base64
import hashlib
import hmac
import json
from datetime import datetime

from simulator.wire import Request
from tests.samples.sample import JSON_HEADERS, Sample

USERNAME = "customer-vietqr-test"
PASSWORD = "vietqr-test-password-0123"
SECRET_KEY = "vietqr-test-secret-key"
ACCOUNT = "0123499992"


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def basic(username: str = USERNAME, password: str = PASSWORD) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def bearer(issued_at: datetime) -> dict[str, str]:
    name = base64.urlsafe_b64encode(USERNAME.encode()).decode().rstrip("=")
    text = f"{name}.{int(issued_at.timestamp())}"
    mac = hmac.digest(PASSWORD.encode(), text.encode(), "sha256").hex()
    return {**JSON_HEADERS, "authorization": f"Bearer {text}.{mac}"}


def vietqr_token(authorization: str = "") -> Request:
    headers = {**JSON_HEADERS, "authorization": authorization or basic()}
    return Request("POST", "/vqr/api/token_generate", headers=headers, body=b"{}")


def vietqr_asked(path: str, now: datetime, fields: dict[str, object]) -> Request:
    return Request("POST", f"/vqr/api/{path}", headers=bearer(now), body=json.dumps(fields).encode())


def vietqr_create(ref: str, amount_vnd: int, now: datetime, **changes: object) -> Request:
    fields = {
        "bankCode": "MB",
        "bankAccount": ACCOUNT,
        "userBankName": "TRUNG TAM HANH CHINH CONG",
        "content": ref,
        "qrType": 0,
        "amount": amount_vnd,
        "orderId": ref,
        "transType": "C",
        "terminalCode": "QUAY1",
        "urlLink": "http://portal.test/return",
        **changes,
    }
    return vietqr_asked("qr/generate-customer", now, fields)


def vietqr_check(value: str, now: datetime, request_ref: str = "", **changes: object) -> Request:
    fields = {"bankAccount": ACCOUNT, "type": 0, "value": value, "checkSum": md5(ACCOUNT + USERNAME), **changes}
    return vietqr_asked("transactions/check-order", now, fields)


def vietqr_refund(reference: str, amount_vnd: int, now: datetime, **changes: object) -> Request:
    fields = {
        "bankCode": "MB",
        "bankAccount": ACCOUNT,
        "referenceNumber": reference,
        "amount": str(amount_vnd),
        "content": "Hoan phi",
        "checkSum": md5(f"{SECRET_KEY}{reference}{amount_vnd}{ACCOUNT}"),
        **changes,
    }
    return vietqr_asked("transaction/refund", now, fields)


def vietqr_others(ref: str, now: datetime) -> list[Request]:
    return [vietqr_token(), vietqr_check("FT26008507756020", now, type=1), vietqr_refund("14226112", 1_000, now)]


def answer(method: str, path: str, body: bytes) -> dict[str, object]:
    if path.endswith("/api/token_generate"):
        return {"access_token": "of-the-connector", "token_type": "Bearer", "expires_in": 300}
    told = {"reftransactionid": json.loads(body)["transactionid"]}
    return {"error": False, "errorReason": "000", "toastMessage": "", "object": told}


SAMPLE = Sample(USERNAME, vietqr_create, vietqr_check, vietqr_others)
