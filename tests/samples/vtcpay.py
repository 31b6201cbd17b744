"""VTC Pay: the redirect and the check by SOAP, signed by code of the tests' own; an empty answer is taken."""

import hashlib
from datetime import datetime
from html import escape
from urllib.parse import urlencode

from simulator.wire import Request
from tests.samples.sample import Sample

WEBSITE = "910042"
SECRET = "SimulatorVtcPay01"
ACCOUNT = "0912345678"
EMPTY_ACKNOWLEDGES = frozenset({200})
CHECK_PATH = "/cong-thanh-toan/WSCheckTrans.asmx"


def sha256_upper(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest().upper()


def signed(fields: dict[str, str], secret: str = SECRET) -> dict[str, str]:
    values = [fields[name] for name in sorted(fields)]
    return {**fields, "signature": sha256_upper("|".join([*values, secret]))}


def fields_of(ref: str, amount_vnd: int, **changes: str) -> dict[str, str]:
    return {
        "website_id": WEBSITE,
        "amount": str(amount_vnd),
        "currency": "VND",
        "receiver_account": ACCOUNT,
        "reference_number": ref,
        "url_return": "http://portal.test/return/vtcpay",
        **changes,
    }


def checkout(ref: str, amount_vnd: int, now: datetime, **changes: str) -> Request:
    query = urlencode(signed(fields_of(ref, amount_vnd, **changes)))
    return Request("GET", "/bank-gateway/checkout.html", query.encode())


def check_values(ref: str, **changes: str) -> dict[str, str]:
    asked = {"website_id": WEBSITE, "order_code": ref, "receiver_acc": ACCOUNT, **changes}
    return {**asked, "sign": sha256_upper("-".join([*asked.values(), SECRET]))}


def check(values: dict[str, str], path: str = CHECK_PATH) -> Request:
    inner = "".join(f"<tem:{name}>{escape(text)}</tem:{name}>" for name, text in values.items())
    body = (
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:tem="http://tempuri.org/">'
        f"<soapenv:Header/><soapenv:Body><tem:CheckPartnerTransation>{inner}</tem:CheckPartnerTransation>"
        "</soapenv:Body></soapenv:Envelope>"
    )
    return Request("POST", path, headers={"content-type": "text/xml; charset=utf-8"}, body=body.encode())


def query(ref: str, ordered_at: datetime, request_ref: str = "") -> Request:
    return check(check_values(ref))


def others(ref: str, now: datetime) -> list[Request]:
    return [
        Request(
            "GET", "/portalgateway/checkout.html", checkout(ref, 20_000, now, language="en", bill_to_phone="").query
        ),
        check(check_values(ref), "/pay.vtc.vn/gate/WSCheckTrans.asmx"),
        Request("GET", CHECK_PATH, b"wsdl"),
        Request("GET", "/pay.vtc.vn/gate/WSCheckTrans.asmx", b"wsdl"),
    ]


def answer(method: str, url: str, body: bytes) -> str:
    return ""


SAMPLE = Sample(WEBSITE, checkout, query, others)
