"""PayGov: token, paygate, CheckSumUrlReturn and receipts, signed by code of the tests' own."""

import base64
import hashlib
import hmac
import json
from datetime import datetime

from simulator.wire import Request
from tests.samples.sample import JSON_HEADERS, Sample

PARTNER = "PAYGOV-DEMO"
ACCESS_KEY = "SIMULATORPAYGOVACCESS"
SECRET_KEY = "SIMULATORPAYGOVSECRET"
PASSWORD = "SIMULATORPAYGOVPASSWORD"
LGSP_TOKEN = "SIMULATORPAYGOVLGSPTOKEN"
ROOT = "/api/v1/PayGov"


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _mac(key: str, text: str) -> str:
    return hmac.digest(key.encode(), text.encode(), "sha256").hex()


def bearer(until: str = "29991231235959") -> dict[str, str]:
    mac = _mac(PASSWORD, f"token|{PARTNER}|{until}")
    return {**JSON_HEADERS, "authorization": f"Bearer {PARTNER}.{until}.{mac}"}


def over_pairs(fields: dict[str, object]) -> str:
    return _mac(SECRET_KEY, "&".join(f"{name}={fields[name]}" for name in sorted(fields)))


def over_values(fields: dict[str, object]) -> str:
    return hashlib.sha256((SECRET_KEY + "".join(str(value) for value in fields.values())).encode()).hexdigest()


def posted(path: str, fields: object, headers: dict[str, str]) -> Request:
    return Request("POST", path, headers=headers, body=json.dumps(fields, ensure_ascii=False).encode())


def token_request(partner: str = PARTNER, password: str = PASSWORD) -> Request:
    headers = {"auth": f"{base64_of(partner)}:{base64_of(password)}"}
    return Request("POST", "/api/v1/Authentication/Token", headers=headers)


def paygate_fields(ref: str, amount_vnd: int, now: datetime) -> dict[str, object]:
    return {
        "partnerCode": PARTNER,
        "returnUrl": "http://portal.test/return/paygov",
        "orderId": ref,
        "amount": amount_vnd,
        "orderInfo": f"Thanh toan le phi ho so {ref}",
        "requestCode": f"{ref}{int(now.timestamp() * 1000)}",
        "ipAddress": "10.0.0.1",
    }


def paygate(ref: str, amount_vnd: int, now: datetime, **changes: object) -> Request:
    return posted(f"{ROOT}/paygate", {**paygate_fields(ref, amount_vnd, now), **changes}, bearer())


def result_fields(ref: str) -> dict[str, object]:
    fields: dict[str, object] = {
        "amount": "20000",
        "orderId": ref,
        "orderInfo": f"Thanh toan le phi ho so {ref}",
        "requestCode": "71764000000000",
        "transactionNo": "14226112",
        "transactionCode": "PG14226112",
        "payDate": "20261122100000",
        "errorCode": "00",
        "paygate": "PAYGOV",
        "type": "PAY",
    }
    return {**fields, "checksum": over_pairs(fields)}


def receipt_fields(code: str) -> dict[str, object]:
    fields: dict[str, object] = {
        "partnerCode": PARTNER,
        "accessKey": ACCESS_KEY,
        "payerId": "000000000",
        "payerName": "Nguyen Van A",
        "payerAddress": "1 Tran Hung Dao",
        "payerDistrict": "Ninh Kieu",
        "payerProvince": "Can Tho",
        "docCode": "000.00.00.H29-261122-0001",
        "procedureName": "Cấp giấy phép xây dựng",
        "paids": base64_of(json.dumps([code])),
        "otherInfo": base64_of('{"beneficiaryUnitCode":"U1","beneficiaryUnitName":"So Xay dung"}'),
        "decisionDate": "22-11-2026",
    }
    return {**fields, "checksum": over_values(fields)}


def receipt(code: str, **changes: object) -> Request:
    return posted(f"{ROOT}/receipt", {**receipt_fields(code), **changes}, {"lgspaccesstoken": LGSP_TOKEN})


def pdf(code: str) -> Request:
    return Request("GET", f"{ROOT}/receipts/{PARTNER}/{code}/{_mac(SECRET_KEY, f'receipt|{code}')}")


def _others(ref: str, now: datetime) -> list[Request]:
    return [
        token_request(),
        posted(f"{ROOT}/CheckSumUrlReturn", result_fields(ref), bearer()),
        receipt("PG14226112"),
        pdf("PG14226112"),
    ]


def answer(method: str, path: str, body: bytes) -> dict[str, object]:
    return {"error_code": "SUCCESSFUL", "error_message": ""}


SAMPLE = Sample(PARTNER, paygate, None, _others)
