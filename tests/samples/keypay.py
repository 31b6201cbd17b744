"""KeyPay v1: the redirect and the services, hashed by code of the tests' own. Nothing is ever called back."""

import hashlib
from datetime import datetime
from html import escape
from urllib.parse import urlencode

from simulator.clock import compact
from simulator.wire import Request
from tests.samples.sample import Sample

KEYPAY_SECRET = "SIMULATORKEYPAYSECRET01"
GOOD_CODE = "1234567890"


def md5_upper(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest().upper()


def keypay_process(ref: str, amount_vnd: int, now: datetime, **changes: str) -> Request:
    fields = {
        "merchant_code": "KPDEMO",
        "merchant_trans_id": ref,
        "good_code": GOOD_CODE,
        "net_cost": str(amount_vnd),
        "ship_fee": "0",
        "tax": "0",
        "return_url": "http://portal.test/return/keypay",
        "version": "1.0",
        "command": "pay",
        "current_locale": "vn",
        "currency_code": "704",
        "service_code": "720",
        "country_code": "+84",
        **changes,
    }
    unhashed = ("bank_code", "internal_bank", "xml_description", "desc_1", "desc_2", "desc_3", "desc_4", "desc_5")
    hashed = "".join(fields[name] for name in sorted(fields) if name not in unhashed)
    sent = {**fields, "secure_hash": md5_upper(KEYPAY_SECRET + hashed)}
    return Request("GET", "/process", urlencode(sent).encode())


def keypay_service(service: str, fields: dict[str, str], folder: str = "resources") -> Request:
    """`fields` in the order in which they are hashed."""
    secure_hash = md5_upper("".join(fields.values()) + KEYPAY_SECRET)
    query = urlencode({**fields, "secure_hash": secure_hash})
    return Request("GET", f"/{folder}/generic/{service}", query.encode())


def keypay_soap(operation: str, fields: dict[str, str], method: str = "POST") -> Request:
    """`fields` in the order in which they are hashed, in an envelope as generated clients write it."""
    sent = {**fields, "secure_hash": md5_upper("".join(fields.values()) + KEYPAY_SECRET)}
    values = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in sent.items() if text)
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Header/><soapenv:Body>'
        f'<ns1:{operation} xmlns:ns1="http://kpWebservices/">{values}</ns1:{operation}>'
        "</soapenv:Body></soapenv:Envelope>"
    )
    headers = {"content-type": "text/xml; charset=utf-8", "soapaction": '""'}
    return Request(method, "/kpWebservices", headers=headers, body=body.encode())


def keypay_status(ref: str, ordered_at: datetime, request_ref: str = "", folder: str = "jsonresources") -> Request:
    fields = {"merchant_trans_id": ref, "good_code": GOOD_CODE, "trans_id": "", "merchant_code": "KPDEMO"}
    return keypay_service("QuerryBillStatus", fields, folder)


def keypay_others(ref: str, now: datetime) -> list[Request]:
    day = {"merchant_code": "KPDEMO", "merchant_trans_id": ref, "good_code": GOOD_CODE, "trans_time": compact(now)[:8]}
    confirmed = {
        "merchant_code": "KPDEMO",
        "good_code": GOOD_CODE,
        "merchant_trans_id": ref,
        "trans_id": "900001",
        "trans_result": "0",
    }
    return [
        keypay_status(ref, now, folder="resources"),
        keypay_service("QuerryBillStatusV2", day),
        keypay_service("QuerryBillStatusV2", day, "jsonresources"),
        keypay_service("confirmTransResult", confirmed),
        keypay_service("confirmTransResult", confirmed, "jsonresources"),
        keypay_soap("QuerryBillStatusV2", day),
        Request("GET", "/kpWebservices", b"wsdl"),
    ]


def answer(method: str, path: str, body: bytes) -> str:
    return "OK"


SAMPLE = Sample("KPDEMO", keypay_process, keypay_status, keypay_others)
