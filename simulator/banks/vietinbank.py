"""VietinBank bill collection ("thu hộ"): the bank asks a biller what is owed, then tells it what was paid.

Rule: both wire formats carry the same named texts; they differ in wrapping and in which of them are signed.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random

import msgspec

from simulator.clock import VIETNAM, compact
from simulator.dialect import Ack, Dialect, Inquiry, Notice, Question, Shape, assumed
from simulator.outbox import Retry
from simulator.payment import COLLECTED, Bill, Channel, Merchant, Payment, Reason, Refusal, State
from simulator.signing import rsa_sha256_sign, rsa_sha256_verify
from simulator.wire import JSON_TYPE, Answer, Outgoing, json_object

Fields = dict[str, str]

# vietinbank-thvqr-1-0: the numbers of the collection channel and product.
CHANNEL_ID = "211701"
PRODUCT_ID = "900000"

# vietinbank-notify-1-0-0: transType 1 normal, 2 dynamic QR, 3 virtual account, COLLECTION; who uses which is inferred.
TRANS_TYPES = {
    Channel.INTERNET_BANKING: "3",
    Channel.MOBILE: "3",
    Channel.QR: "2",
    Channel.CARD: "1",
    Channel.POS: "1",
    Channel.COUNTER: "COLLECTION",
}

# vietinbank-y3-1-4-1#codes: a paid or expired bill is 02 as well; 03 is also seen for a bill that is already paid.
REASONS = {
    "01": Reason.BAD_SIGNATURE,
    "02": Reason.UNKNOWN_ORDER,
    "03": Reason.ALREADY_PAID,
    "05": Reason.DUPLICATE_ORDER,
    "06": Reason.UNKNOWN_ORDER,
    "99": Reason.UNKNOWN,
}
SETTLED_CODES = frozenset({"00", "05"})

# onefin-bank#record: the members of one record, in the order of the class that carries them.
RECORD = (
    "transId originalId channelId transTime transType custCode custName custAcct idCard phoneNo email "
    "sendBankId sendBranchId sendAcctId sendAcctName recvBankId recvBranchId recvAcctId recvAcctName "
    "recvVirtualAcctId recvVirtualAcctName billId billTerm amount fee vat balance payRefNo bankTransId remark "
    "currencyCode"
)
BILL_KEPT = ("custName", "custAcct", "billId", "billTerm", "amountMin", "currencyCode")


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One wire format: what its four messages sign ("transId+amount"), and how fields become JSON and fields again."""

    inquiry: str
    bill: str
    notice: str
    acknowledgement: str
    wrap: Callable[[str, Fields, str, datetime], dict[str, object]]
    unwrap: Callable[[dict[str, object]], Fields]


def string_to_sign(fields: Fields, signed: str) -> str:
    """The values one after another; an absent or empty one leaves no trace."""
    return "".join(fields.get(name, "") for name in signed.split("+"))


def _flat_body(kind: str, fields: Fields, signature: str, now: datetime) -> dict[str, object]:
    told = {name: value for name, value in fields.items() if value and not name.startswith("status.")}
    return {**told, "signature": signature}


def _records_body(kind: str, fields: Fields, signature: str, now: datetime) -> dict[str, object]:
    header = {
        "msgId": fields["msgId"],
        "msgType": kind,  # onefin-bank#message-types
        "channelId": CHANNEL_ID,
        "providerId": fields["providerId"],
        "productId": PRODUCT_ID,
        "timestamp": compact(now),
        "recordNum": "1",
        "signature": signature,
        **dict.fromkeys(("merchantId", "encrypt", "gatewayId", "username"), ""),
    }
    record: dict[str, object] = {name: fields.get(name, "") for name in RECORD.split()}
    record["status"] = {"code": fields.get("status.code", ""), "message": fields.get("status.message", "")}
    return {"header": header, "data": {"records": [record]}}


def _texts(value: object) -> Fields:
    """The text and number members of a JSON object, as text. Raises ValueError."""
    if not isinstance(value, dict):
        raise ValueError("an object is missing")
    kept = {name: each for name, each in value.items() if isinstance(each, str | int | float)}
    texts = {name: str(each) for name, each in kept.items() if not isinstance(each, bool)}
    if any("\x00" in text for text in texts.values()):
        raise ValueError("a NUL character in a text")
    return texts


def _record_texts(body: dict[str, object]) -> Fields:
    header, data = _texts(body.get("header")), body.get("data")
    records = data.get("records", []) if isinstance(data, dict) else []
    if not isinstance(records, list) or len(records) > 1:
        raise ValueError("data.records must be a list of one record")
    record = _texts(records[0]) if records else {}
    status = _texts((records[0].get("status") or {}) if records else {})
    code = header.get("errorCode") or record.get("errorCode") or status.get("code", "")
    known = {"errorCode": code, "status.code": status.get("code", ""), "signature": header.get("signature", "")}
    return {**header, **record, **known}


# vietinbank-thvqr-1-0#inq-bill, vietinbank-notify-1-0-0#signature
FLAT = Format(
    inquiry="transId+channelId+transTime+transType+custCode+custName+custAcct",
    bill="transId+channelId+transTime+transType+custCode+custName+billId+billTerm+amount+errorCode",
    notice="transId+transTime+custCode+amount+bankTransId+remark",
    acknowledgement="transId+errorCode+errorDesc",
    wrap=_flat_body,
    unwrap=_texts,
)
# onefin-bank#signature: null counts as empty.
RECORDS = Format(
    inquiry="transId+transTime+custCode",
    bill="transId+channelId+transTime+custCode+custName+billId+amount+errorCode",
    notice="transId+originalId+transTime+custCode+custName+custAcct+amount+balance+status.code+bankTransId+remark",
    acknowledgement="errorCode+transId+originalId+transTime+custCode+custName+custAcct+amount+status.code",
    wrap=_records_body,
    unwrap=_record_texts,
)


def _format(merchant: Merchant) -> Format:
    return RECORDS if merchant.options.get("format") == "records" else FLAT


def ask(question: Question, merchant: Merchant) -> Outgoing:
    """The bill inquiry, message type 1100."""
    form = _format(merchant)
    fields = {
        "msgId": f"1100-1-{question.trans_ref}"[:50],
        "providerId": merchant.merchant_code,
        "channelId": CHANNEL_ID,
        "productId": PRODUCT_ID,
        "transId": question.trans_ref,
        "transTime": compact(question.now),
        "transType": "C" if form is RECORDS else TRANS_TYPES[question.channel],
        "custCode": question.bill_code,
    }
    return _outgoing(merchant.inquiry_url, "1100", fields, form.inquiry, merchant, question.now)


def read(answer: Answer, question: Question, merchant: Merchant) -> Bill:
    """What the biller says is owed; Refusal for its "no", an answer not signed by it, or no answer at all."""
    form = _format(merchant)
    fields = _understood(answer, form, form.bill, merchant)
    code = fields.get("errorCode", "")
    if code != "00":
        detail = f"errorCode {code!r} {fields.get('errorDesc', '')}".strip()[:200]
        raise Refusal(REASONS.get(code, Reason.UNKNOWN), detail, merchant=merchant)
    for name, asked in (("transId", question.trans_ref), ("custCode", question.bill_code)):
        if fields.get(name, "") != asked:
            raise Refusal(Reason.MALFORMED, f"{name} is not the one that was asked", merchant=merchant)
    if not re.fullmatch(r"[1-9][0-9]{0,14}", fields.get("amount", "")):
        raise Refusal(Reason.INVALID_AMOUNT, f"amount {fields.get('amount', '')[:40]!r}", merchant=merchant)
    if fields.get("currencyCode") not in (None, "", "VND"):
        raise Refusal(Reason.INVALID_CURRENCY, fields["currencyCode"][:40], merchant=merchant)
    text = fields.get("remark") or f"{fields.get('billId', '')} {fields.get('billTerm', '')}"
    return Bill(
        bill_code=question.bill_code,
        amount_vnd=int(fields["amount"]),
        payer_name=fields.get("custName", "")[:200],
        description=text.strip()[:200],
        wire={name: fields[name][:200] for name in BILL_KEPT if fields.get(name)},
    )


def callback(notice: Notice) -> Outgoing:
    """The payment notice, message type 1200."""
    form = _format(notice.merchant)
    fields = _told(notice) | (_told_in_records(notice.payment) if form is RECORDS else {})
    return _outgoing(notice.merchant.callback_url, "1200", fields, form.notice, notice.merchant, notice.now)


def acknowledged(answer: Answer, notice: Notice) -> Ack:
    """Done only by an answer that the biller signed for this very notice."""
    form = _format(notice.merchant)
    try:
        fields = _understood(answer, form, form.acknowledgement, notice.merchant)
    except Refusal as refusal:
        return Ack(False, str(refusal))
    code = fields.get("errorCode", "")[:40]
    if fields.get("transId") != notice.payment.order.order_key:
        return Ack(False, f"errorCode {code} for another transId")
    return Ack(code in SETTLED_CODES, f"errorCode {code}")


def _told(notice: Notice) -> Fields:
    payment, order, merchant = notice.payment, notice.payment.order, notice.merchant
    channel = payment.channel or order.channel or Channel.INTERNET_BANKING
    cash, credited = channel is Channel.COUNTER, payment.state in COLLECTED
    # vietinbank-thvqr-1-0#sender: empty by default, so the biller does not know whom to pay back.
    sender_shown = merchant.options.get("sender") == "shown" and not cash
    return {
        "msgId": f"1200-{notice.attempt}-{order.order_key}"[:50],
        "providerId": merchant.merchant_code,
        "transId": order.order_key,
        "transTime": compact(payment.settled_at or notice.now),
        "transType": TRANS_TYPES[channel] if credited else "D",
        "custCode": order.order_ref,
        "amount": str(payment.amount_vnd),
        "currencyCode": "VND",
        "sendBankId": payment.issuer_code[:6] if sender_shown else "",
        "sendAcctId": payment.payer_account[:20] if sender_shown else "",
        # vietinbank-y3-1-4-1#counter: cash has no bankTransId.
        "bankTransId": "" if cash else payment.bank_ref,
        "remark": _remark(payment, cash, credited),
    }


def _told_in_records(payment: Payment) -> Fields:
    names = ("custName", "custAcct", "billId", "billTerm")
    kept = {name: payment.order.wire.get(name, "") for name in names}
    code, message = ("00", "SUCCESS") if payment.state in COLLECTED else ("99", "FAILED")
    return {**kept, "channelId": CHANNEL_ID, "transType": "C", "status.code": code, "status.message": message}


def _remark(payment: Payment, cash: bool, credited: bool) -> str:
    text = _plain(payment.order.description or payment.order.order_ref)
    # vietinbank-y3-1-4-1#sample: the words before the bank's own number; the other two openings are ours.
    opening = "NOP TIEN MAT" if cash else f"CT DEN:{payment.bank_ref}"
    return f"{opening if credited else 'KHONG THANH CONG'} {text}"[:200].strip()


def _plain(text: str) -> str:
    """Without diacritics and special characters, as transfer texts travel."""
    letters = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return re.sub(r"[^A-Za-z0-9 .,:/_-]", "", letters)


def _outgoing(url: str, kind: str, fields: Fields, signed: str, merchant: Merchant, now: datetime) -> Outgoing:
    message = string_to_sign(fields, signed).encode()
    signature = rsa_sha256_sign(merchant.secrets["bank_private_key"], message)
    body = msgspec.json.encode(_format(merchant).wrap(kind, fields, signature, now))
    return Outgoing("POST", url, (("content-type", JSON_TYPE),), body)


def _understood(answer: Answer, form: Format, signed: str, merchant: Merchant) -> Fields:
    """The fields of an answer that the biller signed. Raises Refusal."""
    if answer.status != 200:
        reason = {0: Reason.TIMED_OUT, 503: Reason.MAINTENANCE}.get(answer.status, Reason.UNKNOWN)
        raise Refusal(reason, answer.error or f"HTTP {answer.status}", merchant=merchant)
    try:
        fields = form.unwrap(json_object(answer.body))
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200], merchant=merchant) from error
    message = string_to_sign(fields, signed).encode()
    try:
        true = rsa_sha256_verify(merchant.secrets["biller_public_key"], message, fields.get("signature", ""))
    except ValueError as error:
        raise Refusal(Reason.BAD_SIGNATURE, "biller_public_key is no RSA key", merchant=merchant) from error
    if not true:
        detail = f"errorCode {fields.get('errorCode', '')[:40]!r} with a wrong signature"
        raise Refusal(Reason.BAD_SIGNATURE, detail, merchant=merchant)
    return fields


def _bank_ref(rng: Random, now: datetime) -> str:
    """Looks like 164T24200GKAJ7BY."""
    tail = "".join(rng.choices("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ", k=7))
    return f"{rng.randrange(100, 1000)}T{now.astimezone(VIETNAM):%y}{rng.randrange(100, 1000)}{tail}"


ASSUMPTIONS = (
    ("retries", "after 1, 2, 5, 10 and 30 min; 30 s for an answer", "documents leave it to the bank", "retries"),
    ("acknowledgement", "00 and 05 with HTTP 200 end the retries", "05 says the notice is there already", ""),
    ("refused-notice", "01, 02, 03, 06 and 99 are sent again", "the bank has the money: silence would lose it", ""),
    ("answers", "must be signed, for the transId (and bill code) that was asked", "no forged, no replayed ones", ""),
    ("codes-of-a-bill", "02 and 06 unknown, 03 already paid", "one code stands for several facts", ""),
    ("trans-type", "virtual account 3, POS 1, counter COLLECTION", "values are known, their use is not", ""),
    ("failure", "flat: transType D; records: status.code 99", "the flat notice has no status field", ""),
    ("reversal", "is not announced", "no message for it is known; money goes back by hand", ""),
    ("message-id", "fresh for every attempt, transId stays", "only transId is said to be the key", ""),
    ("json-types", "all values are texts; numbers are read too", "lengths are given, types are not", ""),
    ("sender", "not told unless the merchant's option sender is shown", "empty by default", "options.sender"),
    ("remark", "NOP TIEN MAT for cash", "only a transfer's remark is known", ""),
    ("record-answer", "errorCode in header, else record, else status; other header texts empty", "not told", ""),
    ("format", "flat", "two formats are in use", "options.format"),
    ("visit", "a bill that was asked for can be paid for 15 min", "no document has a limit", ""),
)

DIALECT = Dialect(
    code="vietinbank",
    name="VietinBank thu hộ",
    shape=Shape.BILL,
    channels=(Channel.COUNTER, Channel.POS, Channel.INTERNET_BANKING, Channel.MOBILE),
    callback=callback,
    acknowledged=acknowledged,
    retry=Retry(delays_s=(60, 120, 300, 600, 1800), timeout_s=30),
    announces=frozenset({State.PAID}),
    inquiry=Inquiry(ask=ask, read=read),
    secrets=("bank_private_key", "biller_public_key"),
    bank_ref=_bank_ref,
    sources=("vietinbank-notify-1-0-0", "vietinbank-y3-1-4-1", "vietinbank-thvqr-1-0", "onefin-bank"),
    assumptions=assumed("vietinbank", ASSUMPTIONS),
)
