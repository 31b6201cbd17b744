"""MB: money comes to the merchant's account by QR code or virtual account, the bank tells of it twice and refunds it.

Rule: the merchant's IPN (MMS) has a checksum, the balance synchronisation none; the FT number alone joins the two, and
a refund names it too: to the bank itself, or to the intermediary in front of it that asks for a checksum.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from random import Random

import msgspec

from simulator.clock import VIETNAM, compact, parse_compact
from simulator.dialect import (
    OTHER_ACCOUNT,
    Ack,
    Ask,
    Command,
    Dialect,
    Endpoint,
    Merchants,
    Notice,
    Part,
    RefundOrder,
    Reply,
    Shape,
    assumed,
    worded,
)
from simulator.outbox import Retry
from simulator.payment import COLLECTED, Channel, Merchant, Payment, Reason, RefundState, Refusal, State
from simulator.signing import hmac_sha256_hex, md5_hex, same, sha256_hex
from simulator.wire import JSON_TYPE, Answer, Headers, Outgoing, Request, Response, json_object, json_response

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

# mb-vietqr#refund-codes: (the intermediary's, the bank's own); "" = that side has none. All others are OTHERWISE.
REFUND_CODES = {
    Reason.MALFORMED: ("E46", ""),
    Reason.UNKNOWN_MERCHANT: ("E104", "4877"),
    Reason.BAD_SIGNATURE: ("E74", ""),
    Reason.INVALID_AMOUNT: ("E45", "4857"),
    Reason.UNKNOWN_ORDER: ("E44", "4863"),
    Reason.NOT_PAID: ("E44", "4863"),
    Reason.REFUND_ABOVE_PAYMENT: ("E45", "4857"),
    Reason.REFUNDS_ABOVE_PAYMENT: ("E45", "4857"),
    Reason.ONLY_PART_REFUND: ("E157", ""),
    Reason.TOO_SOON: ("E158", ""),
    Reason.TIMED_OUT: ("E215", "002"),
}
OTHERWISE = ("E43", "999")
ANOTHER_ACCOUNT, WRONG_CHECKSUM, ANOTHER_TERMINAL = "E77", "E39", "E164"
TOKEN_LIFE_S = 300
ONCE, MANY = "once", "many"

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
    body = msgspec.json.encode(worded(notice, fields, optional=("rate", "consumerLabelTerm", "userName")))
    return Outgoing("POST", merchant.callback_url, _headers(), body)


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
    told = worded(
        notice,
        fields,
        merchant={"bankaccount": OTHER_ACCOUNT},
        optional=("reciprocalAccount", "reciprocalBankCode", "va"),
    )
    return Outgoing("POST", url, (*_headers(), *bearer), msgspec.json.encode(told))


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


def refund_checksum(secret: str, reference_number: str, amount: str, bank_account: str) -> str:
    """MD5 of these values in a row: content, order and multiTimes are outside it."""
    return md5_hex(f"{secret}{reference_number}{amount}{bank_account}".encode())


def _token(merchant: Merchant, issued: str) -> str:
    """A bearer token that needs no memory: whose it is, when it was issued, and a proof of both."""
    claims = f"{merchant.merchant_code}|{issued}"
    proof = hmac_sha256_hex(merchant.secrets["api_password"], f"token|{claims}".encode())
    return base64.urlsafe_b64encode(f"{claims}|{proof}".encode()).decode()


def decode_token(request: Request, merchants: Merchants) -> Ask:
    """HTTP Basic with the merchant's code and its password."""
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    code, _, password = (_decoded(given) if kind.lower() == "basic" else "").partition(":")
    merchant = merchants(code)
    if merchant is None or not same(password, merchant.secrets["api_password"]):
        raise Refusal(Reason.BAD_SIGNATURE, "user or password is wrong")
    return Ask(merchant=merchant)


def encode_token(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(result, Refusal) or command is None:
        return json_response({"error": "invalid_client"}, 401)
    token = _token(command.merchant, compact(result.now))
    return json_response({"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_LIFE_S})


def decode_refund(request: Request, merchants: Merchants) -> RefundOrder:
    """The intermediary's: whoever asks first says by multiTimes whether more refunds may follow."""
    fields, said = _fields(request, ("bankAccount", "referenceNumber", "amount", "content", "checkSum"))
    merchant, issued = _bearer(request, merchants)
    refused = partial(Refusal, merchant=merchant)
    if fields["bankAccount"] != merchant.options.get("account", ""):
        raise refused(Reason.UNKNOWN_MERCHANT, "another bankAccount", wire={"code": ANOTHER_ACCOUNT})
    signed = (fields["referenceNumber"], fields["amount"], fields["bankAccount"])
    if not same(fields["checkSum"], refund_checksum(merchant.secrets["refund_secret"], *signed)):
        raise refused(Reason.BAD_SIGNATURE, "checkSum", wire={"code": WRONG_CHECKSUM})
    if fields.get("terminalCode") not in (None, "", merchant.merchant_code):
        raise refused(Reason.UNKNOWN_MERCHANT, "another terminalCode", wire={"code": ANOTHER_TERMINAL})
    kind = MANY if said.get("multiTimes") is True else ONCE
    wish = sha256_hex("|".join((fields.get("orderId", ""), fields["amount"], fields["content"])).encode())
    return _refund(merchant, fields["referenceNumber"], fields["amount"], f"{kind}|{wish[:32]}", issued)


def decode_own_refund(request: Request, merchants: Merchants) -> RefundOrder:
    """The bank's: the request's number is in a header, and parts may follow one another."""
    fields, _ = _fields(request, ("terminalID", "traceTransfer", "amount", "content"))
    merchant, issued = _bearer(request, merchants)
    number = request.headers.get("transactionid", "")
    if not re.fullmatch(r"[!-~]{1,50}", number) or not request.headers.get("clientmessageid"):
        raise Refusal(Reason.MALFORMED, "the headers transactionID and clientMessageId are needed", merchant=merchant)
    if fields["terminalID"] != merchant.merchant_code:
        raise Refusal(Reason.UNKNOWN_MERCHANT, "another terminalID", merchant=merchant)
    return _refund(merchant, fields["traceTransfer"], fields["amount"], f"{MANY}|{number}", issued)


def _refund(merchant: Merchant, ft_number: str, amount: str, request_ref: str, issued: str) -> RefundOrder:
    if not re.fullmatch(r"[1-9][0-9]{0,14}", amount, re.ASCII):
        raise Refusal(Reason.INVALID_AMOUNT, f"amount {amount[:40]!r}", merchant=merchant)
    return RefundOrder(
        merchant=merchant,
        wire={"issued": issued},
        name=ft_number,
        request_ref=request_ref,
        amount_vnd=int(amount),
        full=False,
        unnumbered=True,
    )


def encode_refund(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(result, Refusal):
        code = result.wire.get("code") or REFUND_CODES.get(result.reason, OTHERWISE)[0]
        return json_response({"status": "FAILED", "message": code}, 400)
    return json_response({"status": "SUCCESS", "message": _refund_number(result)})


def encode_own_refund(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    said: dict[str, object] = {"clientMessageId": request.headers.get("clientmessageid", "")[:50]}
    if not isinstance(result, Refusal):
        return json_response({**said, "errorCode": "000", "errorDesc": None, "data": {"ft": _refund_number(result)}})
    code = REFUND_CODES.get(result.reason, OTHERWISE)[1] or OTHERWISE[1]
    status = 401 if result.reason is Reason.BAD_SIGNATURE else 200
    return json_response({**said, "errorCode": code, "errorDesc": [str(result.reason)], "data": None}, status)


def _refund_number(reply: Reply) -> str:
    """A refund is a transfer of its own, with an FT number of its own."""
    return reply.refund.bank_ref if reply.refund else ""


def _fields(request: Request, needed: tuple[str, ...]) -> tuple[dict[str, str], Mapping[str, object]]:
    """(the texts and whole numbers of the body as texts, the body). Raises Refusal."""
    try:
        body = json_object(request.body)
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error
    fields = {name: str(each) for name, each in body.items() if isinstance(each, str) or type(each) is int}
    wrong = [name for name in needed if not fields.get(name)]
    if wrong or any(len(text) > TEXT_CHARACTERS_MAX or "\x00" in text for text in fields.values()):
        raise Refusal(Reason.MALFORMED, f"{', '.join(wrong) or 'a field'} is missing, too long or no text")
    return fields, body


def _bearer(request: Request, merchants: Merchants) -> tuple[Merchant, str]:
    """(whose token it is, when it was issued); its age is judged later. Raises Refusal."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    code, _, rest = (_decoded(token) if kind.lower() == "bearer" else "").partition("|")
    merchant, issued = merchants(code), rest[:14]
    if merchant is None or not same(token, _token(merchant, issued)):
        raise Refusal(Reason.BAD_SIGNATURE, "the bearer token is missing, or is nobody's")
    return merchant, issued


def _decoded(text: str) -> str:
    """Base64 of either alphabet as text; "" if it is none."""
    try:
        return base64.b64decode(text.translate(str.maketrans("-_", "+/")), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def judge(command: Command, payment: Payment | None, now: datetime) -> None:
    issued = command.wire.get("issued")
    if issued and now - parse_compact(issued) >= timedelta(seconds=TOKEN_LIFE_S):
        raise Refusal(Reason.BAD_SIGNATURE, f"the bearer token of {issued} has expired", merchant=command.merchant)
    # mb-vietqr#multi-times: the first refund decides for all that come after it.
    asked = payment.all_refunds if payment and isinstance(command, RefundOrder) else ()
    refunds = [each for each in asked if each.state is not RefundState.REFUSED]
    if refunds and refunds[0].request_ref.startswith(f"{ONCE}|"):
        raise Refusal(Reason.ONLY_PART_REFUND, "the first refund was to be the only one", merchant=command.merchant)


def names(payment: Payment) -> tuple[str, ...]:
    return (payment.bank_ref,)


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
    ("refund-front", "an intermediary's address beside the bank's own", "checksum and multiTimes are only there", ""),
    ("refund-token", "Basic with the merchant's code and api_password; 300 s; one token for both addresses",
     "what token a merchant has at the bank is not told", ""),
    ("refund-multi-times", "absent = false; the bank's own address = true", "one client keeps false for absent", ""),
    ("refund-repeat", "E158 for the same orderId, amount and content, 999 for the same transactionID",
     "one client blocks a second refund while the first runs", ""),
    ("refund-codes", "E43 and 999 for what has no code; 401 for a token at the bank's own address", "not told", ""),
    ("refund-state", "a pending one E215 and 002, as a time-out; a refused one E43 and 999", "not told", ""),
    ("refund-message", "none is sent: the answer alone tells of a refund", "a D message is known, its fields are not",
     ""),
    ("life", "a transfer that was begun can be made for 15 min", "no source has a limit", ""),
)  # fmt: skip

# mb-vietqr#refund: the bank's own addresses are those that the intermediary calls.
ENDPOINTS = (
    ("ask", "/api/token_generate", decode_token, encode_token),
    ("ask", "/oauth2/v1/token", decode_token, encode_token),
    ("refund", "/api/transaction/refund", decode_refund, encode_refund),
    ("refund", "/ms/offus/public/payment-service/payment/v1.0/refundVietQR", decode_own_refund, encode_own_refund),
)

DIALECT = Dialect(
    code="mb",
    name="MB báo có (MMS và biến động số dư)",
    shape=Shape.ADVICE,
    channels=(Channel.QR, Channel.MOBILE, Channel.INTERNET_BANKING),
    endpoints=tuple(
        Endpoint(operation=operation, method="POST", path=path, decode=decode, encode=encode)
        for operation, path, decode, encode in ENDPOINTS
    ),
    callback=callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.OPTIONAL, Part.UNKNOWN}),
    acknowledged=acknowledged,
    retry=Retry(delays_s=(60, 300, 900, 1800, 3600), timeout_s=15),
    announces=frozenset({State.PAID}),
    secrets=("access_key", "refund_secret", "api_password"),
    bank_ref=_ft_number,
    names=names,
    judge=judge,
    messages=(MMS, BALANCE),
    sources=("mb-vietqr",),
    assumptions=assumed("mb", ASSUMPTIONS),
)
