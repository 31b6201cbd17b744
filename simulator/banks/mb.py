"""MB: money comes to the merchant's account by QR code or virtual account, and the bank tells of it twice.

Rule: the merchant's IPN (MMS) has a checksum, the balance synchronisation none; the FT number alone joins the two.
"""

import unicodedata
from datetime import datetime
from random import Random

import msgspec

from simulator.clock import VIETNAM, compact
from simulator.dialect import Ack, Dialect, Notice, Shape, assumed
from simulator.outbox import Retry
from simulator.payment import COLLECTED, Channel, Merchant, State
from simulator.signing import md5_hex, sha256_hex
from simulator.wire import JSON_TYPE, Answer, Headers, Outgoing, json_object

MMS = "mms"
BALANCE = "balance"

# mb-vietqr#mms-codes: what a merchant answers to the IPN.
MMS_CODES = {
    "00": "taken in",
    "02": "no such order",
    "07": "no such merchant or terminal",
    "12": "wrong checkSum",
    "20": "the ftCode was taken in before",
    "99": "internal error",
}
# mb-vietqr#sync-codes: errorReason where error is true.
SYNC_CODES = {
    "005": "unexpected error",
    "006": "the transaction was taken in before",
}
MMS_DUPLICATE = "20"
SYNC_DUPLICATE = "006"

# mb-vietqr#status: a biller in use sends every refusal, a duplicate's too, with HTTP 400.
SPEAKING = frozenset({200, 400})

TEXT_CHARACTERS_MAX = 200


def mms_checksum(trace: str, bill_number: str, pay_date: str, debit_amount: str, access_key: str) -> str:
    """MD5 of these values in a row: realAmount, ftCode and respCode are outside it."""
    return md5_hex(f"{trace}{bill_number}{pay_date}{debit_amount}{access_key}".encode())


def callback(notice: Notice) -> Outgoing:
    """The message that the notice asks for; unnamed it is the IPN."""
    return _balance(notice) if notice.message == BALANCE else _mms(notice)


def acknowledged(answer: Answer, notice: Notice) -> Ack:
    """Done when the connector has this message, now or from before."""
    if answer.status not in SPEAKING:
        return Ack(False, answer.error or f"HTTP {answer.status}")
    try:
        said = json_object(answer.body)
    except ValueError as error:
        return Ack(False, str(error)[:200])
    return _sync_ack(said, answer.status) if notice.message == BALANCE else _mms_ack(said, answer.status)


def _mms(notice: Notice) -> Outgoing:
    payment, order, merchant = notice.payment, notice.payment.order, notice.merchant
    credited = payment.state in COLLECTED
    pay_date = compact(payment.settled_at or notice.now)
    debit_amount = str(payment.amount_vnd)
    key = merchant.secrets["access_key"]
    # mb-vietqr#mms: every value is a text; rate is for foreign currency.
    fields = {
        "traceTransfer": order.order_key,
        "storeLabel": _plain(merchant.name),
        "terminalLabel": merchant.merchant_code,
        "debitAmount": debit_amount,
        "realAmount": str(max(payment.amount_vnd - _promotion_vnd(merchant), 0)),
        "payDate": pay_date,
        "respCode": "00" if credited else "99",
        "respDesc": "Success" if credited else "Failed",
        "checkSum": mms_checksum(order.order_key, order.order_ref, pay_date, debit_amount, key),
        "rate": "",
        "billNumber": order.order_ref,
        "consumerLabelTerm": "",
        "referenceLabelCode": order.order_ref,
        "userName": "",
        "ftCode": payment.bank_ref if credited else "",  # mb-vietqr#ftCode: only of a payment that succeeded.
        "endPointUrl": merchant.callback_url,
    }
    return Outgoing("POST", merchant.callback_url, _headers(), msgspec.json.encode(fields))


def _balance(notice: Notice) -> Outgoing:
    payment, order, merchant = notice.payment, notice.payment.order, notice.merchant
    at = (payment.settled_at or notice.now).astimezone(VIETNAM)
    # mb-vietqr#sync: instants in milliseconds, the amount a number, C = money in, D = money out.
    fields = {
        "transactionid": sha256_hex(f"{BALANCE}|{order.order_key}".encode())[:20],
        "transactiontime": _milliseconds(at),
        "referencenumber": payment.bank_ref,
        "amount": payment.amount_vnd,
        "content": _plain(f"{order.order_ref} {order.description}")[:TEXT_CHARACTERS_MAX],
        "bankaccount": merchant.options.get("account", ""),
        "transType": "C" if payment.state in COLLECTED else "D",
        "reciprocalAccount": payment.payer_account,
        "reciprocalBankCode": payment.issuer_code,
        "va": "" if payment.channel is Channel.QR else merchant.options.get("virtual_account", ""),
        "valueDate": _milliseconds(at.replace(hour=0, minute=0, second=0, microsecond=0)),
    }
    token = merchant.secrets.get("sync_token", "")
    bearer: Headers = (("authorization", f"Bearer {token}"),) if token else ()
    url = merchant.options.get("balance_url") or merchant.callback_url
    return Outgoing("POST", url, (*_headers(), *bearer), msgspec.json.encode(fields))


def _mms_ack(said: dict[str, object], status: int) -> Ack:
    code = said.get("resCode")
    if not isinstance(code, str):
        return Ack(False, "no resCode")
    text = f"resCode {code[:20]} ({MMS_CODES.get(code, 'unknown')})"
    return Ack((code == "00" and status == 200) or code == MMS_DUPLICATE, text)


def _sync_ack(said: dict[str, object], status: int) -> Ack:
    error, reason = said.get("error"), said.get("errorReason")
    if error is False:
        return Ack(status == 200, "error false")
    if error is not True:
        return Ack(False, "error is neither true nor false")
    code = reason if isinstance(reason, str) else ""
    return Ack(code == SYNC_DUPLICATE, f"errorReason {code[:20]} ({SYNC_CODES.get(code, 'unknown')})")


def _headers() -> Headers:
    return (("content-type", JSON_TYPE),)


def _promotion_vnd(merchant: Merchant) -> int:
    """What the payer is spared of each payment, by the merchant's option; 0 without one."""
    text = merchant.options.get("promotion_vnd", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else 0


def _milliseconds(instant: datetime) -> int:
    """Since 1970, whole seconds first: no rounding on the way."""
    return int(instant.timestamp()) * 1000 + instant.microsecond // 1000


def _plain(text: str) -> str:
    """Without diacritics, as transfer texts travel."""
    letters = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(letter for letter in letters if letter.isascii() and letter.isprintable()).strip()


def _ft_number(rng: Random, now: datetime) -> str:
    """Looks like FT23149029920410: the year, the day of the year, nine digits."""
    # mb-vietqr#refund: a comment shows one.
    return f"FT{now.astimezone(VIETNAM):%y%j}{rng.randrange(10**9):09d}"


ASSUMPTIONS = (
    ("retries", "after 1, 5, 15, 30 and 60 min; 15 s for an answer", "no source has a ladder", "retries"),
    ("two-ladders", "each message is sent until it is acknowledged itself", "they come from two systems", ""),
    ("order", "both are due at once, MMS first", "a biller in use waits 10 s for the other one", ""),
    ("acknowledgement", "MMS 00 and 20; sync error false and 006", "20 and 006 say that it is there already", ""),
    ("refused-notice", "all other answers are followed by the next attempt", "the bank has the money", ""),
    ("http-status", "00 and error false only with HTTP 200, duplicates also with 400", "one biller does so", ""),
    ("order-number", "the transfer text is billNumber, referenceLabelCode and content", "use is not told", ""),
    ("numbers", "traceTransfer and transactionid differ, the FT number is the same", "only FT is said to be", ""),
    ("promotion", "realAmount = debitAmount - option, the merchant is credited with debitAmount",
     "who bears it is not told", "options.promotion_vnd"),
    ("sync-token", "a fixed bearer token if the merchant has a secret sync_token", "the body has no signature",
     "secrets.sync_token"),
    ("sync-address", "the callback URL, or the option balance_url", "one merchant, two services",
     "options.balance_url"),
    ("virtual-account", "va is empty for a payment by QR code", "a QR code names the account itself",
     "options.virtual_account"),
    ("value-date", "midnight in Vietnam", "only the type of the field is known", ""),
    ("failure", "respCode 99 without ftCode; transType D", "no message for a failure is known; only a fault makes one",
     ""),
    ("reversal", "is not announced", "the MMS has no message for it", ""),
    ("life", "a transfer that was begun can be made for 15 min", "no source has a limit", ""),
)  # fmt: skip

DIALECT = Dialect(
    code="mb",
    name="MB báo có (MMS và biến động số dư)",
    shape=Shape.ADVICE,
    channels=(Channel.QR, Channel.MOBILE, Channel.INTERNET_BANKING),
    callback=callback,
    acknowledged=acknowledged,
    retry=Retry(delays_s=(60, 300, 900, 1800, 3600), timeout_s=15),
    announces=frozenset({State.PAID}),
    secrets=("access_key",),
    bank_ref=_ft_number,
    messages=(MMS, BALANCE),
    sources=("mb-vietqr",),
    assumptions=assumed("mb", ASSUMPTIONS),
)
