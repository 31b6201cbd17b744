"""SePay: a webhook for every transfer to or from a bank account that it watches.

Rule: nobody is asked before money comes; what a transfer is for stands in its text alone, as the payer wrote it. The
payment gateway of the same name (a form to pay-sandbox.sepay.vn) is another product and is not spoken.
"""

import re
from collections.abc import Callable
from datetime import datetime
from random import Random

import msgspec

from simulator import qr
from simulator.clock import VIETNAM
from simulator.dialect import Ack, Dialect, Notice, Shape, assumed
from simulator.outbox import Retry
from simulator.payment import COLLECTED, Channel, Merchant, Payment, State
from simulator.signing import hmac_sha256_hex, sha256_hex
from simulator.wire import JSON_TYPE, Answer, Headers, Outgoing, json_object

USUAL = {"gateway": "Vietcombank", "bin": "970436", "account": "0123499990", "sub_account": "", "code_prefix": "HS"}
"""What the merchant's options of these names are if they are not set."""


def callback(notice: Notice) -> Outgoing:
    """The webhook; its proof stands in the headers."""
    body = msgspec.json.encode(_told(notice))
    prove = PROOFS.get(notice.merchant.options.get("auth", ""), _hmac)
    headers = (("content-type", JSON_TYPE), *prove(notice.merchant, notice.now, body))
    return Outgoing("POST", notice.merchant.callback_url, headers, body)


def signature(webhook_secret: str, timestamp: int, body: bytes) -> str:
    """sha256= and 64 hex digits, over the time, a dot and the bytes as they are sent."""
    return f"sha256={hmac_sha256_hex(webhook_secret, b'%d.%b' % (timestamp, body))}"


def _hmac(merchant: Merchant, now: datetime, body: bytes) -> Headers:
    # sepay-webhooks#hmac: receivers refuse a time that is five minutes off, so every attempt is signed anew.
    timestamp = int(now.timestamp())
    proof = signature(merchant.secrets["webhook_secret"], timestamp, body)
    return (("x-sepay-signature", proof), ("x-sepay-timestamp", str(timestamp)))


def _api_key(merchant: Merchant, now: datetime, body: bytes) -> Headers:
    return (("authorization", f"Apikey {merchant.secrets['api_key']}"),)


def _nothing(merchant: Merchant, now: datetime, body: bytes) -> Headers:
    return ()


# sepay-webhooks#auth: OAuth2 is a fourth way, not spoken here.
PROOFS: dict[str, Callable[[Merchant, datetime, bytes], Headers]] = {
    "hmac": _hmac,
    "apikey": _api_key,
    "none": _nothing,
}


def _told(notice: Notice) -> dict[str, object]:
    """sepay-webhooks#fields, in the documents' order."""
    payment, merchant = notice.payment, notice.merchant
    direction = "in" if payment.state in COLLECTED else "out"
    content = payment.order.order_ref
    return {
        "id": int(sha256_hex(f"{payment.payment_id}.{direction}".encode())[:12], 16),
        "gateway": _option(merchant, "gateway"),
        "transactionDate": f"{(payment.settled_at or notice.now).astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}",
        "accountNumber": _option(merchant, "account"),
        "code": payment_code(content, _option(merchant, "code_prefix")),
        "content": content,
        "transferType": direction,
        "transferAmount": payment.amount_vnd,
        "accumulated": 0,
        "subAccount": _option(merchant, "sub_account") or None,
        "referenceCode": payment.bank_ref,
        "description": "",
    }


def payment_code(content: str, prefix: str) -> str | None:
    """The first word of the transfer's text that begins with the prefix and goes on with a digit; None = none does."""
    found = re.search(rf"(?<![A-Za-z0-9]){re.escape(prefix)}[0-9][A-Za-z0-9]{{0,29}}", content, re.IGNORECASE)
    return found[0].upper() if found and prefix else None


def _option(merchant: Merchant, name: str) -> str:
    return merchant.options.get(name, USUAL[name])


def acknowledged(answer: Answer, notice: Notice) -> Ack:
    # sepay-webhooks#acknowledgement: a good status is not enough, the body must say success.
    if answer.status not in (200, 201):
        return Ack(False, answer.error or f"HTTP {answer.status}")
    try:
        success = json_object(answer.body).get("success")
    except ValueError as error:
        return Ack(False, str(error)[:200])
    return Ack(success is True, f"success {success}" if isinstance(success, bool) else "no success in the answer")


def qr_text(payment: Payment, merchant: Merchant) -> str:
    """A VietQR code to the watched account; it names the amount where an instant transfer can carry it."""
    amount_vnd = payment.amount_vnd if 0 < payment.amount_vnd < qr.INSTANT_LIMIT_VND else None
    purpose = qr.plain(payment.order.order_ref)
    return qr.vietqr(_option(merchant, "bin"), _option(merchant, "account"), amount_vnd, purpose=purpose)


def _bank_ref(rng: Random, now: datetime) -> str:
    """Looks like MBVCB.3278907687."""
    return f"MBVCB.{rng.randrange(10**9, 10**12)}"


ASSUMPTIONS = (
    ("acknowledgement", "200 or 201 with success true; other 2xx are sent again", "pages differ: 200-201, 2xx", ""),
    ("auth", "hmac; apikey and none by option, anything else is hmac; no OAuth2", "accounts choose", "options.auth"),
    ("timestamp", "that of the attempt, not of the transfer", "retries would else be refused as too old", ""),
    ("retries", "auto retry is on", "it is a switch of the account", "retries"),
    ("five-hours", "the age limit of 5 h is never met: the last retry comes after 33 min", "documented", "retries"),
    ("id", "made from the payment and the direction, below 2^48", "a pure bank keeps no counter", ""),
    ("accumulated", "0", "a pure bank keeps no balance", ""),
    ("code", "the first word of prefix and digit, in capitals", "accounts set their own", "options.code_prefix"),
    (
        "out",
        "money that goes back, even if its coming was not told, and a told failure",
        "no failure has a message",
        "",
    ),
    ("description", "empty", "the real one may hold the bank's whole message", ""),
    ("instant", "a transfer is told at once", "banks take seconds to minutes", ""),
)

DIALECT = Dialect(
    code="sepay",
    name="SePay (webhook chuyển khoản)",
    shape=Shape.ADVICE,
    channels=(Channel.QR, Channel.INTERNET_BANKING, Channel.MOBILE),
    callback=callback,
    acknowledged=acknowledged,
    # sepay-webhooks#retries: minutes 1, 1, 2, 3, 5, 8, 13; 30 s for the whole exchange.
    retry=Retry(delays_s=(60, 60, 120, 180, 300, 480, 780), timeout_s=30),
    announces=frozenset({State.PAID, State.REVERSED}),
    secrets=("api_key", "webhook_secret"),
    bank_ref=_bank_ref,
    qr_text=qr_text,
    sources=("sepay-webhooks", "sepay-clients"),
    assumptions=assumed("sepay", ASSUMPTIONS),
)
