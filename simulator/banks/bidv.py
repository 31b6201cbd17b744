"""BIDV bill collection: the bank asks a biller for a customer's bill (getbill), then tells it what was paid (paybill).

Rule: a checksum proves each message and a bearer token its sender; nothing proves the biller's answers.
"""

import base64
import hmac
import re
from datetime import datetime

import msgspec

from simulator.clock import compact
from simulator.dialect import Ack, Dialect, Inquiry, Notice, Part, Question, Shape, assumed, worded
from simulator.outbox import Retry
from simulator.payment import Bill, Channel, Merchant, Reason, Refusal, State
from simulator.signing import hmac_sha256_hex, md5_hex
from simulator.wire import JSON_TYPE, Answer, Outgoing, json_object

Claims = dict[str, str | int]

# bidv-vietqr#codes: what a biller answers, and which of the house's reasons each stands for at an inquiry.
CODES: dict[str, tuple[str, Reason | None]] = {
    "000": ("done", None),
    "001": ("a field is missing", Reason.MALFORMED),
    "003": ("the bearer token is not accepted", Reason.BAD_SIGNATURE),
    "004": ("wrong checksum", Reason.BAD_SIGNATURE),
    "006": ("no such service_id", Reason.UNKNOWN_MERCHANT),
    "011": ("no such customer", Reason.UNKNOWN_ORDER),
    "012": ("the customer has no bill", Reason.UNKNOWN_ORDER),
    "021": ("no such bill", Reason.UNKNOWN_ORDER),
    "022": ("the amount is not the bill's", Reason.INVALID_AMOUNT),
    "023": ("the bill is paid already", Reason.ALREADY_PAID),
    "031": ("the biller's system failed", Reason.UNKNOWN),
    "096": ("the biller's system failed", Reason.UNKNOWN),
}
SETTLED_CODES = frozenset({"000", "023"})

# bidv-vietqr#status: most refusals come with HTTP 400, "no bill" and "paid already" with 200.
SPEAKING = frozenset({200, 400})

# bidv-vietqr#token: a token is good for five minutes.
TOKEN_LIFE_S = 300
ISSUER = "BIDV"

ID_CHARACTERS_MAX = 50
BILLS_MAX = 100


def token(claims: Claims, secret: str) -> str:
    """A JSON Web Token signed with HS256."""
    # rfc-7519: base64url without padding; the two first parts are signed as they are sent.
    parts = (msgspec.json.encode(part) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    signed = b".".join(_base64url(part) for part in parts)
    return (signed + b"." + _base64url(hmac.new(secret.encode(), signed, "sha256").digest())).decode()


def _base64url(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def getbill_checksum(secret: str, service_id: str, customer_id: str) -> str:
    """MD5, whatever the merchant's option says."""
    return md5_hex(f"{secret}{service_id}{customer_id}".encode())


def paybill_checksum(merchant: Merchant, trans_id: str, bill_id: str, amount: str) -> str:
    """MD5, or with the merchant's option checksum = "hmac" HMAC-SHA256 over the same text, secret included."""
    secret = merchant.secrets["secret"]
    text = f"{secret}{trans_id}{bill_id}{amount}".encode()
    return hmac_sha256_hex(secret, text) if merchant.options.get("checksum") == "hmac" else md5_hex(text)


def ask(question: Question, merchant: Merchant) -> Outgoing:
    """getbill: what does this customer owe?"""
    service_id = merchant.merchant_code
    fields = {
        "customer_id": question.bill_code,
        "service_id": service_id,
        "checksum": getbill_checksum(merchant.secrets["secret"], service_id, question.bill_code),
    }
    return _outgoing(merchant.inquiry_url, fields, merchant, question.now)


def read(answer: Answer, question: Question, merchant: Merchant) -> Bill:
    """The bill in the answer to getbill; Refusal for the biller's "no" and for what is no bill."""
    try:
        said = _said(answer)
        code = _code(said)
        if answer.status == 200 and code == "000":
            return _bill(said, question, merchant)
    except ValueError as error:
        raise Refusal(_reason(answer), answer.error or str(error)[:200], merchant=merchant) from error
    _, reason = CODES.get(code, ("", None))
    raise Refusal(reason or Reason.UNKNOWN, f"HTTP {answer.status}, {_meaning(code)}", merchant=merchant)


def callback(notice: Notice) -> Outgoing:
    """paybill: it only ever says that money came."""
    payment, order, merchant = notice.payment, notice.payment.order, notice.merchant
    amount = str(payment.amount_vnd)
    bill_id = order.wire.get("bill_id") or order.order_ref
    # bidv-vietqr#paybill: the amount is a text; what additionalData and its two sisters hold is not told.
    fields = {
        "trans_id": order.order_key,
        "trans_date": compact(payment.settled_at or notice.now),
        "customer_id": order.order_ref,
        "service_id": merchant.merchant_code,
        "bill_id": bill_id,
        "amount": amount,
        "checksum": paybill_checksum(merchant, order.order_key, bill_id, amount),
    }
    fields = worded(notice, fields)
    if merchant.options.get("additional_data") == "shown":
        channel = str(payment.channel or order.channel or "")
        fields |= {"additionalData1": channel, "additionalData2": payment.bank_ref, "additionalData": order.description}
    return _outgoing(merchant.callback_url, fields, merchant, notice.now)


def acknowledged(answer: Answer, notice: Notice) -> Ack:
    """Done when the biller has booked the payment, or says that it had before: 000 and 023, with HTTP 200."""
    try:
        code = _code(_said(answer))
    except ValueError as error:
        return Ack(False, answer.error or str(error)[:200])
    return Ack(answer.status == 200 and code in SETTLED_CODES, _meaning(code))


def _outgoing(url: str, fields: dict[str, str], merchant: Merchant, now: datetime) -> Outgoing:
    issued_at = int(now.timestamp())
    claims: Claims = {"iss": ISSUER, "iat": issued_at, "exp": issued_at + TOKEN_LIFE_S}
    bearer = f"Bearer {token(claims, merchant.secrets['jwt_secret'])}"
    return Outgoing("POST", url, (("content-type", JSON_TYPE), ("authorization", bearer)), msgspec.json.encode(fields))


def _said(answer: Answer) -> dict[str, object]:
    """The JSON of an answer that may hold a code. Raises ValueError."""
    if answer.status not in SPEAKING:
        raise ValueError(f"HTTP {answer.status}")
    return json_object(answer.body)


def _reason(answer: Answer) -> Reason:
    """Why an answer without a code is no bill."""
    by_status = {0: Reason.TIMED_OUT, 200: Reason.MALFORMED, 400: Reason.MALFORMED, 503: Reason.MAINTENANCE}
    return by_status.get(answer.status, Reason.UNKNOWN)


def _code(said: dict[str, object]) -> str:
    code = said.get("result_code")
    if not isinstance(code, str) or not re.fullmatch(r"[0-9]{3}", code, re.ASCII):
        raise ValueError("result_code is not three digits")
    return code


def _meaning(code: str) -> str:
    meaning, _ = CODES.get(code, ("unknown", None))
    return f"result_code {code} ({meaning})"


def _bill(said: dict[str, object], question: Question, merchant: Merchant) -> Bill:
    """Raises ValueError, or Refusal for an amount that nobody can pay."""
    if said.get("customer_id") not in (None, "", question.bill_code):
        raise ValueError("customer_id is not the one that was asked")
    bill = _first(said.get("data"))
    amount = bill.get("amount")
    if isinstance(amount, bool) or not re.fullmatch(r"[1-9][0-9]{0,14}", str(amount), re.ASCII):
        raise Refusal(Reason.INVALID_AMOUNT, f"amount {str(amount)[:40]!r}", merchant=merchant)
    bill_id = _text(bill, "bill_id")
    if not 0 < len(bill_id) <= ID_CHARACTERS_MAX:
        raise ValueError("bill_id has no 1 to 50 characters")
    return Bill(
        bill_code=question.bill_code,
        amount_vnd=int(str(amount)),
        payer_name=_text(said, "customer_name")[:200],
        description=f"{bill_id} {_text(bill, 'type')}".strip()[:200],
        wire={"bill_id": bill_id},
    )


def _first(data: object) -> dict[str, object]:
    """The bill to be paid: the documents show a list, a biller in use sends one object."""
    bills = data if isinstance(data, list) else [data]
    if not 0 < len(bills) <= BILLS_MAX or not isinstance(bills[0], dict):
        raise ValueError("data holds no bill")
    return bills[0]


def _text(fields: dict[str, object], name: str) -> str:
    """A text or a number as text, "" if absent. Raises ValueError."""
    value = fields.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int) or "\x00" in str(value):
        raise ValueError(f"{name} is no text")
    return str(value)


ASSUMPTIONS = (
    ("retries", "after 1, 2, 5, 10 and 30 min; 30 s for an answer", "no source has a ladder", "retries"),
    ("acknowledgement", "000 and 023 with HTTP 200 end the retries", "023 says the payment is booked already", ""),
    ("refused-notice", "all other codes are sent again", "the bank has the money: silence would lose it", ""),
    ("token", "HS256 by the bank itself: iss BIDV, iat, exp 5 min later", "in the source the biller issues it", ""),
    ("token-of-its-own", "a fresh token for every message, secret jwt_secret", "no reuse rule is known", ""),
    ("checksum", "MD5; option hmac = HMAC-SHA256 for paybill", "both are in use for paybill", "options.checksum"),
    ("answers", "are believed without a signature, for the customer_id that was asked", "they carry none", ""),
    ("http-status", "codes are read at HTTP 200 and 400, 000 only at 200", "one biller uses both", ""),
    ("several-bills", "the payer pays the first; data is a list or one object", "both are seen", ""),
    ("unasked", "without an inquiry bill_id is the customer_id", "the payer named nothing else", ""),
    ("trans-date", "yyyyMMddHHmmss in GMT+7", "only the name of the field is known", ""),
    (
        "additional-data",
        "left out; or shown: channel, the bank's number and a text, outside the checksum",
        "three names are known, what they hold is not",
        "options.additional_data",
    ),
    ("failure", "failed and reversed payments are not announced", "paybill has no field that could say so", ""),
    ("visit", "a bill that was asked for can be paid for 15 min", "no source has a limit", ""),
)

DIALECT = Dialect(
    code="bidv",
    name="BIDV thu hộ",
    shape=Shape.BILL,
    channels=(Channel.COUNTER, Channel.INTERNET_BANKING, Channel.MOBILE, Channel.POS),
    callback=callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.UNKNOWN}),
    acknowledged=acknowledged,
    retry=Retry(delays_s=(60, 120, 300, 600, 1800), timeout_s=30),
    announces=frozenset({State.PAID}),
    inquiry=Inquiry(ask=ask, read=read),
    secrets=("secret", "jwt_secret"),
    tells_failures=False,
    sources=("bidv-vietqr", "rfc-7519"),
    assumptions=assumed("bidv", ASSUMPTIONS),
)
