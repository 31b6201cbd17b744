"""MB: what a connector answers to the merchant IPN and to the balance synchronisation, and its own refunds."""

import base64
import hashlib
import hmac
import json
from datetime import datetime

from simulator.clock import compact
from simulator.wire import Request
from tests.samples.sample import JSON_HEADERS, Sample

ACCOUNT = "100000000422"
OWN_REFUND = "/ms/offus/public/payment-service/payment/v1.0/refundVietQR"


def answer(method: str, path: str, body: bytes) -> dict[str, object]:
    told = json.loads(body)
    if "checkSum" in told:
        return {"resCode": "00", "resDesc": "Success"}
    reference = {"reftransactionid": told["transactionid"]}
    return {"error": False, "errorReason": "000", "toastMessage": "", "object": reference}


def basic(path: str, user: str = "HCC1", password: str = "demo-api-password") -> Request:
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return Request("POST", path, headers={"authorization": f"Basic {pair}"}, body=b"grant_type=client_credentials")


def bearer(now: datetime) -> dict[str, str]:
    """What the bank gives for the password, made by code of the tests' own."""
    claims = f"HCC1|{compact(now)}"
    proof = hmac.new(b"demo-api-password", f"token|{claims}".encode(), hashlib.sha256).hexdigest()
    return {"authorization": f"Bearer {base64.urlsafe_b64encode(f'{claims}|{proof}'.encode()).decode()}"}


def refund(ft_number: str, amount: object, now: datetime, /, **changes: object) -> Request:
    """To the intermediary."""
    account = changes.get("bankAccount", ACCOUNT)
    checksum = hashlib.md5(f"demo-refund-secret{ft_number}{amount}{account}".encode()).hexdigest()
    body = {
        **{"bankAccount": ACCOUNT, "referenceNumber": ft_number, "amount": amount, "content": "Hoan le phi"},
        **{"multiTimes": False, "orderId": "", "checkSum": checksum},
        **changes,
    }
    body = {name: value for name, value in body.items() if value is not None}
    return Request(
        "POST", "/api/transaction/refund", headers=JSON_HEADERS | bearer(now), body=json.dumps(body).encode()
    )


def own_refund(ft_number: str, amount: object, now: datetime, number: str = "T1", **changes: object) -> Request:
    """To the bank itself."""
    body = {"terminalID": "HCC1", "traceTransfer": ft_number, "amount": amount, "content": "Hoan le phi", **changes}
    headers = {**JSON_HEADERS, **bearer(now), "transactionid": number, "clientmessageid": "M1"}
    return Request("POST", OWN_REFUND, headers=headers, body=json.dumps(body).encode())


def _others(ref: str, now: datetime) -> list[Request]:
    tokens = [basic("/api/token_generate"), basic("/oauth2/v1/token")]
    return [*tokens, refund("FT26326000000001", "5000", now), own_refund("FT26326000000001", "5000", now)]


SAMPLE = Sample("HCC1", None, None, _others)
