"""OnePay's pay gate: pay and queryDR, signed by code of the tests' own."""

import hmac
import urllib.parse
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from simulator.wire import FORM_TYPE, Request
from tests.samples.sample import Sample


class Gateway(NamedTuple):
    """What a merchant holds of one gateway."""

    pay: str
    merchant: str
    access_code: str
    secret: str
    old_query: str = ""


UNIFIED = Gateway("/paygate/vpcpay.op", "TESTONEPAY31", "6BEB2566", "6D0870CDE5F24F34F3915FB0045120D6")


def signed(fields: dict[str, str], secret: str) -> dict[str, str]:
    """Sorted by the bytes of the names, values raw, the key's bytes from hex."""
    names = sorted(name for name in fields if name[:4] == "vpc_" and fields[name])
    text = "&".join(f"{name}={fields[name]}" for name in names)
    mac = hmac.new(bytearray.fromhex(secret), text.encode("utf-8"), "sha256").hexdigest()
    return {**fields, "vpc_SecureHash": mac.upper()}


def pay_fields(gateway: Gateway, ref: str, amount_vnd: int, **changes: str) -> dict[str, str]:
    fields = {
        "AgainLink": "http://portal.test/pay",
        "Title": "Nop phi",
        "vpc_AccessCode": gateway.access_code,
        "vpc_Amount": str(amount_vnd * 100),
        "vpc_Command": "pay",
        "vpc_Currency": "VND",
        "vpc_Locale": "vn",
        "vpc_MerchTxnRef": ref,
        "vpc_Merchant": gateway.merchant,
        "vpc_OrderInfo": f"Nop le phi {ref}",
        "vpc_ReturnURL": "http://portal.test/return?dossier=1",
        "vpc_TicketNo": "127.0.0.1",
        "vpc_Version": "2",
        **changes,
    }
    return {name: value for name, value in fields.items() if value}


def query_fields(gateway: Gateway, ref: str, version: str = "2") -> dict[str, str]:
    return {
        "vpc_AccessCode": gateway.access_code,
        "vpc_Command": "queryDR",
        "vpc_MerchTxnRef": ref,
        "vpc_Merchant": gateway.merchant,
        "vpc_Password": "op123456",
        "vpc_User": "op01",
        "vpc_Version": version,
    }


def pay(gateway: Gateway, ref: str, amount_vnd: int) -> Request:
    fields = signed(pay_fields(gateway, ref, amount_vnd), gateway.secret)
    return Request("GET", gateway.pay, urllib.parse.urlencode(fields).encode())


def query(gateway: Gateway, ref: str) -> Request:
    body = urllib.parse.urlencode(signed(query_fields(gateway, ref), gateway.secret)).encode()
    return Request("POST", "/msp/api/v1/vpc/invoices/queries", headers={"content-type": FORM_TYPE}, body=body)


def old_query(gateway: Gateway, ref: str) -> Request:
    return Request("GET", gateway.old_query, urllib.parse.urlencode(query_fields(gateway, ref, "1")).encode())


def sample(gateway: Gateway) -> Sample:
    others: Callable[[str, datetime], list[Request]] | None = None
    if gateway.old_query:
        others = lambda ref, now: [old_query(gateway, ref)]  # noqa: E731
    return Sample(
        gateway.merchant,
        lambda ref, amount_vnd, now: pay(gateway, ref, amount_vnd),
        lambda ref, ordered_at, request_ref: query(gateway, ref),
        others,
    )


def answer(method: str, path: str, body: bytes) -> str:
    return "responsecode=1&desc=confirm-success"


SAMPLE = sample(UNIFIED)
