"""Vietcombank calls the connector: bill collection (Inquiry, Payment) and account advice (a credit that came in).

Rule: every message is context, payload and signature; the signature covers three of the context's values and nothing
of the payload, so a connector must compare amount and bill itself.
"""

import base64
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from random import Random
from typing import Any

import msgspec

from simulator.clock import VIETNAM
from simulator.dialect import Ack, Dialect, Inquiry, Notice, Part, Question, Shape, assumed, worded
from simulator.outbox import Retry
from simulator.payment import COLLECTED, Bill, Channel, Merchant, Payment, Reason, Refusal, State
from simulator.signing import md5_hex, same, secret_sha256_hex
from simulator.slip import TellerSlip
from simulator.wire import JSON_TYPE, Answer, Outgoing, json_object

Texts = dict[str, str]

CHANNEL_ID = "6014"
SERVICE_ID = "BILLC2"  # vcb-bill-university#providers: the service of one biller
BILLS_MAX = 50
TEXT_MAX = 200
REMARK_MAX = 250
LINE = 35
"""Letters of a remark before a space is put in, where the contract says "cut"."""

# vcb-bill-university#payment: A, C and D are taken; which is which is inferred, and D is sent only by the contract.
PAYMENT_MODES = dict.fromkeys(Channel, "A") | {Channel.COUNTER: "C"}
MODES = frozenset({"A", "C", "D"})

# vcb-bill-university#codes: 17 is a customer who is unknown or locked, 21 a wrong provider, service or value.
REASONS = {
    "1": Reason.ALREADY_PAID,
    "3": Reason.INVALID_AMOUNT,
    "10": Reason.MALFORMED,
    "17": Reason.UNKNOWN_ORDER,
    "18": Reason.BAD_SIGNATURE,
    "20": Reason.MALFORMED,
    "21": Reason.UNKNOWN_MERCHANT,
    "400": Reason.UNKNOWN,
}
# vcb-bill-university#uat: 504 after a long wait is part of the bank's own tests; 401 is the answer to HTTP Basic.
HTTP_REASONS = {
    0: Reason.TIMED_OUT,
    401: Reason.UNKNOWN_MERCHANT,
    503: Reason.MAINTENANCE,
    504: Reason.TIMED_OUT,
}
BILL_SETTLED = frozenset({"0", "1"})
ADVICE_SETTLED = frozenset({"0"})
PAYER_NAMES = ("CustomerName", "CustName")  # vcb-bill-university#inquiry, vcb-bill-sha256#inquiry


def signature(merchant: Merchant, *values: str) -> str:
    """Lower-case hex of MD5 or, where the contract says so, SHA-256 over values and secret joined by "|"."""
    text = "|".join((*values, merchant.secrets["secret"])).encode("utf-8", "surrogatepass")
    return secret_sha256_hex(text) if merchant.options.get("signature") == "sha256" else md5_hex(text)


def written(instant: datetime) -> str:
    """dd-MM-yyyy HH:mm:ss in GMT+7."""
    return instant.astimezone(VIETNAM).strftime("%d-%m-%Y %H:%M:%S")


def ask(question: Question, merchant: Merchant) -> Outgoing:
    """Inquiry."""
    payload = _addressed(merchant) | {"customerCode": question.bill_code}
    return _posted(merchant.inquiry_url, question.trans_ref, question.now, payload, merchant)


def read(answer: Answer, question: Question, merchant: Merchant) -> Bill:
    """What the biller says is owed, all its bills together; Refusal for its "no" and for what is no answer."""
    refused = partial(Refusal, merchant=merchant)
    context, payload = _understood(answer, question.trans_ref, merchant)
    code = context.get("errorCode", "")
    if not _accepted(context, frozenset({"0"})):
        detail = f"errorCode {code!r} {context.get('errorMessage', '')}".strip()[:TEXT_MAX]
        raise refused(REASONS.get(code, Reason.UNKNOWN), detail)
    if texts(payload).get("customerCode") != question.bill_code:
        raise refused(Reason.MALFORMED, "customerCode is not the one that was asked")
    bills = _objects(payload.get("bills"))
    lines = [(bill.get("billId", ""), bill.get("amount", "")) for bill in map(texts, bills)]
    if not lines or not all(0 < len(bill_id) <= 100 for bill_id, _ in lines):
        raise refused(Reason.MALFORMED, f"bills must be 1 to {BILLS_MAX} objects with a billId")
    if not all(re.fullmatch(r"[1-9][0-9]{0,14}", amount) for _, amount in lines):
        raise refused(Reason.INVALID_AMOUNT, f"amounts {[amount[:20] for _, amount in lines]}"[:TEXT_MAX])
    owed = [(bill_id, int(amount)) for bill_id, amount in lines]
    total_vnd = sum(amount for _, amount in owed)
    if total_vnd >= 10**15:
        raise refused(Reason.INVALID_AMOUNT, "the bills together are beyond 15 digits")
    return Bill(
        bill_code=question.bill_code,
        amount_vnd=total_vnd,
        payer_name=_payer_name(bills[0]),
        description=f"Thanh toan {question.bill_code}"[:TEXT_MAX],
        wire={"bills": msgspec.json.encode(owed).decode()},
    )


def callback(notice: Notice) -> Outgoing:
    """Payment. The amount is in it, though nothing signs it."""
    payment, merchant = notice.payment, notice.merchant
    bills, usual = _paid_bills(payment), PAYMENT_MODES[_channel(payment)] if payment.in_cash else "A"
    payload = _addressed(merchant) | {
        "customerCode": payment.order.order_ref,
        "totalPaymentAmount": str(sum(amount for _, amount in bills)),
        "paymentMode": mode if (mode := merchant.options.get("payment_mode")) in MODES else usual,
        "internalTransactionRefNo": payment.bank_ref,
        "bills": [{"billId": bill_id, "amount": str(amount)} for bill_id, amount in bills],
    }
    # vcb-bill-university#payment: requestDateTime is kept as the time of the payment, so a repeat has the first one's.
    payload = worded(notice, payload)
    return _posted(merchant.callback_url, payment.order.order_key, _told_at(payment), payload, merchant)


def acknowledged(answer: Answer, notice: Notice, settled_codes: frozenset[str] = BILL_SETTLED) -> Ack:
    """Done only by an answer that the connector signed for this very message, with no bill left out."""
    try:
        context, payload = _understood(answer, notice.payment.order.order_key, notice.merchant)
    except Refusal as refusal:
        return Ack(False, str(refusal)[:TEXT_MAX])
    text = f"errorCode {context.get('errorCode', '')[:40]}"
    # vcb-bill-university#payment: the answer has one billErrCode for each bill.
    left_out = [bill for bill in _objects(payload.get("bills")) if texts(bill).get("billErrCode", "0") != "0"]
    if left_out and context.get("errorCode") == "0":
        return Ack(False, f"{text}, but a bill with another billErrCode than 0")
    return Ack(_accepted(context, settled_codes), text)


def advice(notice: Notice) -> Outgoing:
    """AccountAdvice: money came in, and all that tells for what is the remark."""
    payment, merchant = notice.payment, notice.merchant
    account, amount = merchant.options.get("account", ""), str(payment.amount_vnd)
    teller = payment.slip if isinstance(payment.slip, TellerSlip) else None
    at_counter = _channel(payment) is Channel.COUNTER
    payload = _addressed(merchant) | {
        "account": account,
        "amount": amount,
        "currency": "VND",
        "currentBal": amount,
        "availBal": amount,
        "holdAmount": "0",
        "dorc": "C" if payment.state in COLLECTED else "D",
        "transactionTime": written(_told_at(payment)),
        "remark": remark(payment, merchant),
        "hostInfo": {
            "tellerId": teller.teller_id if teller else f"{account[:4]}01" if at_counter else "0000",
            "seqNo": f"{teller.sequence:06d}" if teller else payment.bank_ref[-6:],
            "branch": teller.branch if teller else account[:4],
        },
    }
    optional = ("currentBal", "availBal", "holdAmount", "hostInfo")
    payload = worded(notice, payload, currency={"currency": "USD"}, optional=optional)
    return _posted(merchant.callback_url, payment.order.order_key, _told_at(payment), payload, merchant)


def remark(payment: Payment, merchant: Merchant) -> str:
    """The transfer's content as it reaches the connector: opened, closed and broken by the bank."""
    style = merchant.options.get("remark", "broken")
    content = plain(payment.order.order_ref)
    if style == "bare":
        return content[:REMARK_MAX]
    receiver = plain(merchant.options.get("account_name", merchant.name)).upper()
    if style == "broken":
        content, receiver = _spelled(content), _spelled(receiver)
    framed = _framed(payment, content, receiver, merchant.options.get("account", ""))
    if style == "cut":
        framed = " ".join(framed[at : at + LINE] for at in range(0, len(framed), LINE))
    return framed[:REMARK_MAX].strip()


def _framed(payment: Payment, content: str, receiver: str, account: str) -> str:
    """What each channel puts around a content."""
    payer = plain(payment.order.wire.get("payer_name", "")).upper()
    channel = _channel(payment)
    if channel is Channel.COUNTER:
        return f"{payer or 'KHACH HANG'};{content};"  # vcb-remarks#counter
    if channel is Channel.INTERNET_BANKING:
        return f"IBVCB.{payment.bank_ref}.{content}"  # vcb-remarks#internet-banking
    # vcb-account-advice#remark: the mobile app names both accounts at the end.
    sender = ("tu", payment.payer_account, payer) if payment.payer_account else ()
    ending = " ".join(text for text in ("CT", *sender, "toi", account, receiver) if text)
    return f"MBVCB.{payment.bank_ref}.{content}.{ending}"


def _spelled(text: str) -> str:
    """Words of two or three capitals letter by letter, as in the published remark: "BTT" -> "B T T"."""
    return re.sub(r"(?<!\S)[A-Z]{2,3}(?!\S)", lambda word: " ".join(word[0]), text)


def plain(text: str) -> str:
    """Without diacritics and special characters: "Lệ phí (hồ sơ)" -> "Le phi ho so"."""
    letters = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return " ".join(re.sub(r"[^A-Za-z0-9 .-]", "", letters).split())


def _channel(payment: Payment) -> Channel:
    return payment.channel or payment.order.channel or Channel.INTERNET_BANKING


def _told_at(payment: Payment) -> datetime:
    return payment.settled_at or payment.created_at


def _paid_bills(payment: Payment) -> list[tuple[str, int]]:
    """(billId, VND) of each bill, the money spent from the first on; nothing was paid of a payment that failed."""
    text = payment.order.wire.get("bills")
    owed = msgspec.json.decode(text, type=list[tuple[str, int]]) if text else [(payment.order.order_ref, 0)]
    left_vnd = payment.amount_vnd if payment.state in COLLECTED else 0
    paid = []
    for bill_id, amount_vnd in owed[:-1]:
        spent_vnd = min(amount_vnd, left_vnd)
        left_vnd -= spent_vnd
        paid.append((bill_id, spent_vnd))
    return [*paid, (owed[-1][0], left_vnd)]


def _addressed(merchant: Merchant) -> dict[str, object]:
    return {"providerId": merchant.merchant_code, "serviceId": merchant.options.get("service_id", SERVICE_ID)}


def _posted(url: str, ref: str, at: datetime, payload: dict[str, object], merchant: Merchant) -> Outgoing:
    context = {"channelId": CHANNEL_ID, "channelRefNumber": ref, "requestDateTime": written(at)}
    signed = signature(merchant, CHANNEL_ID, ref)
    body = msgspec.json.encode({"context": context, "payload": payload, "signature": signed})
    return Outgoing("POST", url, (("content-type", JSON_TYPE), *_credentials(merchant)), body)


def _credentials(merchant: Merchant) -> tuple[tuple[str, str], ...]:
    """HTTP Basic, where the contract has a user."""
    user = merchant.options.get("basic_user", "")
    if not user:
        return ()
    pair = f"{user}:{merchant.secrets.get('basic_password', '')}"
    return (("authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"),)


def _understood(answer: Answer, ref: str, merchant: Merchant) -> tuple[Texts, Mapping[str, Any]]:
    """(context, payload) of an answer that the connector signed for the message `ref`. Raises Refusal."""
    refused = partial(Refusal, merchant=merchant)
    if answer.status != 200:
        reason = HTTP_REASONS.get(answer.status, Reason.UNKNOWN)
        raise refused(reason, answer.error or f"HTTP {answer.status}")
    try:
        body = json_object(answer.body)
    except ValueError as error:
        raise refused(Reason.MALFORMED, str(error)[:TEXT_MAX]) from error
    context, payload = texts(body.get("context")), body.get("payload")
    signed = [context.get(name, "") for name in ("channelId", "channelRefNumber", "responseMsgId")]
    given = texts(body).get("signature", "").lower()
    trusted = merchant.options.get("answer_signature") == "unchecked"
    if not trusted and not same(given, signature(merchant, *signed)):
        code = context.get("errorCode", "")[:40]
        raise refused(Reason.BAD_SIGNATURE, f"errorCode {code!r} with a wrong signature")
    if signed[:2] != [CHANNEL_ID, ref]:
        raise refused(Reason.MALFORMED, "channelId and channelRefNumber are not the ones that were sent")
    return context, payload if isinstance(payload, dict) else {}


def _accepted(context: Texts, codes: frozenset[str]) -> bool:
    """By errorCode; status may only contradict a 0, as one client puts free text into it."""
    code = context.get("errorCode", "")
    # vcb-account-advice#answer
    return code in codes and not (code == "0" and context.get("status", "").upper() == "FAILURE")


def texts(value: object) -> Texts:
    """The text and whole-number members of a JSON object, as text; those beyond reason count as absent."""
    kept = value.items() if isinstance(value, dict) else ()
    taken = {name: str(each) for name, each in kept if isinstance(each, str) or _is_small(each)}
    return {name: text for name, text in taken.items() if "\x00" not in text}


def _is_small(value: object) -> bool:
    return type(value) is int and abs(value) < 10**15


def _objects(listed: object) -> list[dict[str, object]]:
    """The list, if it is one of at most BILLS_MAX objects."""
    if not isinstance(listed, list) or len(listed) > BILLS_MAX or not all(isinstance(each, dict) for each in listed):
        return []
    return listed


def _payer_name(bill: Mapping[str, object]) -> str:
    fields = [texts(each) for each in _objects(bill.get("addnlFields"))]
    return next((each.get("fieldValue", "") for each in fields if each.get("fieldId") in PAYER_NAMES), "")[:TEXT_MAX]


def _ten_digits(rng: Random, now: datetime) -> str:
    return str(rng.randrange(10**9, 10**10))


SHARED = (
    ("retries", "after 1, 2, 5, 10 and 30 min; 30 s for an answer", "no schedule is public", "retries"),
    ("answers", "HTTP 200, signed, for the channelRefNumber sent", "no forged, no replayed ones", ""),
    (
        "answer-signature",
        "checked: MD5 or SHA-256 over channelId, channelRefNumber, responseMsgId and secret",
        "the rule is public, but some billers echo the request's signature; unchecked takes those",
        "options.answer_signature",
    ),
    ("digest", "MD5", "older billers have MD5, a newer one SHA-256", "options.signature"),
    ("http-basic", "sent where the contract has a user", "seen with SHA-256 only", "options.basic_user"),
    ("channel-id", "6014 on every channel", "no list of channelId is public", ""),
    ("channel-ref", "one number for a visit: inquiry, payment and its repeats", "no rule is public", ""),
    ("json-types", "texts are sent; texts and whole numbers are read", "samples have both", ""),
    ("request-time", "a callback's is when the money moved", "a biller keeps it as the time of payment", ""),
    ("reversal", "is not announced", "no message for it is public", ""),
    ("visit", "a payer has 15 min to pay", "no limit is public", ""),
)
BILL_ASSUMPTIONS = (
    ("acknowledgement", "0 and 1 end the retries, any other code is sent again", "1 says it is booked", ""),
    ("bill-errors", "a billErrCode other than 0 is no acknowledgement", "its use is not told", ""),
    (
        "payment-mode",
        "C at the counter, else A, unless the contract has one letter for all",
        "only the letters are known",
        "options.payment_mode",
    ),
    ("channels", "POS counts as an account payment", "no document names the channels", ""),
    ("failure", "told as a Payment of 0 dong, only where a test asks for it", "failures have no message", ""),
    ("several-bills", "paid together; what is missing is missing from the last", "no rule is public", ""),
    ("codes-of-a-bill", "17 unknown, 21 wrong provider, 20 malformed", "one code stands for several facts", ""),
    ("service", SERVICE_ID, "each contract has its own", "options.service_id"),
)
ADVICE_ASSUMPTIONS = (
    ("acknowledgement", "only 0 ends the retries", "the codes known besides are refusals", ""),
    (
        "remark",
        "broken: words of 2 or 3 capitals letter by letter; or framed, cut every 35 letters, bare",
        "one sample; its rule is inferred",
        "options.remark",
    ),
    ("remark-openings", "QR as the mobile app, cash as name;content;", "samples are of statements", ""),
    ("balances", "as if the account had been empty before", "a simulator of payments keeps no balances", ""),
    ("host-info", "branch and teller from the account's first digits", "only the names are known", ""),
    ("failure", "dorc D, only where a test asks for it", "an advice tells of money that moved", ""),
    ("account", "the contract's account and account_name", "not told by a source", "options.account"),
    ("service", SERVICE_ID, "each contract has its own", "options.service_id"),
)


BILL = Dialect(
    code="vietcombank",
    name="Vietcombank thu hộ",
    shape=Shape.BILL,
    channels=(Channel.COUNTER, Channel.INTERNET_BANKING, Channel.MOBILE, Channel.POS),
    callback=callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.UNKNOWN}),
    acknowledged=acknowledged,
    retry=Retry(delays_s=(60, 120, 300, 600, 1800), timeout_s=30),
    announces=frozenset({State.PAID}),
    inquiry=Inquiry(ask=ask, read=read),
    secrets=("secret",),
    bank_ref=_ten_digits,
    sources=("vcb-bill-university", "vcb-bill-sha256"),
    assumptions=assumed("vietcombank", (*SHARED, *BILL_ASSUMPTIONS)),
)

ADVICE = Dialect(
    code="vietcombank_advice",
    name="Vietcombank báo có (AccountAdvice)",
    shape=Shape.ADVICE,
    channels=(Channel.MOBILE, Channel.INTERNET_BANKING, Channel.QR, Channel.COUNTER),
    callback=advice,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.CURRENCY, Part.OPTIONAL, Part.UNKNOWN}),
    acknowledged=partial(acknowledged, settled_codes=ADVICE_SETTLED),
    retry=BILL.retry,
    announces=frozenset({State.PAID}),
    secrets=("secret",),
    bank_ref=_ten_digits,
    sources=("vcb-account-advice", "vcb-remarks"),
    assumptions=assumed("vietcombank_advice", (*SHARED, *ADVICE_ASSUMPTIONS)),
)

DIALECTS = (BILL, ADVICE)
