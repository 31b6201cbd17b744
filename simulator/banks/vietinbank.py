"""VietinBank bill collection ("thu hộ") and its younger sister for QR codes (THVQR): the bank asks, then it tells.

Rule: all wire formats carry the same named texts; they differ in wrapping and in which of them are signed.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random

import msgspec

from simulator.clock import VIETNAM, compact
from simulator.dialect import Ack, Dialect, Inquiry, Notice, Part, Question, Shape, assumed, worded
from simulator.outbox import Retry
from simulator.payment import COLLECTED, Bill, Channel, Merchant, Payment, Reason, Refusal, State
from simulator.settlement import vietinbank_bill, vietinbank_va
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
PERIODS_MAX = 60
WIRE_MAX = 200
THVQR_CODE = "vietinbank_thvqr"

# onefin-bank#message-types: the numbers of the two inquiries, by the merchant's option.
INQUIRIES = {"bill": "1100", "customer": "1300"}

# onefin-bank#record: the members of one record, in the order of the class that carries them.
RECORD = (
    "transId originalId channelId transTime transType custCode custName custAcct idCard phoneNo email "
    "sendBankId sendBranchId sendAcctId sendAcctName recvBankId recvBranchId recvAcctId recvAcctName "
    "recvVirtualAcctId recvVirtualAcctName billId billTerm amount fee vat balance payRefNo bankTransId remark "
    "currencyCode"
)
BILL_KEPT = ("custName", "custAcct", "billId", "billTerm", "amountMin", "currencyCode", "periods")


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One wire format: what its messages sign ("transId+amount"), and how fields become JSON and fields again."""

    inquiry: str
    customer: str
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
    # onefin-bank#inquiry: a biller looks for what is asked beside the records, not in them.
    asked = {name: fields[name] for name in ("transId", "transTime", "custCode")} if kind in INQUIRIES.values() else {}
    return {"header": header, "data": {**asked, "records": [record]}}


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
    parts: dict[str, object] = data if isinstance(data, dict) else {}
    records = parts.get("records") or []
    if not isinstance(records, list) or len(records) > 1:
        raise ValueError("data.records must be a list of one record")
    record = _texts(records[0]) if records else {}
    status = _texts((records[0].get("status") or {}) if records else {})
    # onefin-bank#answer: the code stands in data.errors and a bill in data.details.
    errors, details = _texts(parts.get("errors") or {}), _texts(parts.get("details") or {})
    codes = (each.get("errorCode", "") for each in (errors, header, record))
    code = next(filter(None, codes), status.get("code", ""))
    known = {"errorCode": code, "status.code": status.get("code", ""), "signature": header.get("signature", "")}
    return {**header, **errors, **record, **details, **known}


def _period_texts(body: dict[str, object]) -> Fields:
    """The flat texts, and of billInfo1 as "periods" what each period owes: "202601=100000 202602=50000"."""
    texts, listed = _texts(body), body.get("billInfo1") or []
    if not isinstance(listed, list) or len(listed) > PERIODS_MAX:
        raise ValueError(f"billInfo1 must be a list of at most {PERIODS_MAX} periods")
    periods = [(each.get("billTerm", ""), each.get("amount", "")) for each in map(_texts, listed)]
    if not all(re.fullmatch(r"[0-9]{0,14}", amount, re.ASCII) for _, amount in periods):
        raise ValueError("an amount in billInfo1 is no whole number")
    owed = " ".join(f"{term[:20]}={int(amount or 0)}" for term, amount in periods)
    return {**texts, "periods": owed, "periods.total": str(sum(int(amount or 0) for _, amount in periods))}


# vietinbank-thvqr-1-0#inq-bill, vietinbank-notify-1-0-0#signature
FLAT = Format(
    inquiry="transId+channelId+transTime+transType+custCode+custName+custAcct",
    customer="transId+transTime+custCode+custName",
    bill="transId+channelId+transTime+transType+custCode+custName+billId+billTerm+amount+errorCode",
    notice="transId+transTime+custCode+amount+bankTransId+remark",
    acknowledgement="transId+errorCode+errorDesc",
    wrap=_flat_body,
    unwrap=_texts,
)
# onefin-bank#signature: null counts as empty.
RECORDS = Format(
    inquiry="transId+transTime+custCode",
    customer="transId+transTime+custCode+custName",  # onefin-bank#customer
    bill="transId+channelId+transTime+custCode+custName+billId+amount+errorCode",
    notice="transId+originalId+transTime+custCode+custName+custAcct+amount+balance+status.code+bankTransId+remark",
    acknowledgement="errorCode+transId+originalId+transTime+custCode+custName+custAcct+amount+status.code",
    wrap=_records_body,
    unwrap=_record_texts,
)
PERIODS = replace(FLAT, unwrap=_period_texts)  # vietinbank-thvqr-1-0#bill-info


def _format(merchant: Merchant) -> Format:
    if merchant.bank == THVQR_CODE:
        return PERIODS
    return RECORDS if merchant.options.get("format") == "records" else FLAT


def ask(question: Question, merchant: Merchant) -> Outgoing:
    """The inquiry: of the bill, or by the contract of the customer, which asks the same under another number."""
    form, kind = _format(merchant), INQUIRIES.get(merchant.options.get("inquiry", ""), "1100")
    fields = {
        "msgId": f"{kind}-1-{question.trans_ref}"[:50],
        "providerId": merchant.merchant_code,
        "channelId": CHANNEL_ID,
        "productId": PRODUCT_ID,
        "transId": question.trans_ref,
        "transTime": compact(question.now),
        "transType": "C" if form is RECORDS else TRANS_TYPES[question.channel],
        "custCode": question.bill_code,
    }
    signed = form.inquiry if kind == "1100" else form.customer
    return _outgoing(merchant.inquiry_url, kind, fields, signed, merchant, question.now)


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
    if fields.get("periods") and fields["periods.total"] != fields["amount"]:
        detail = f"the periods owe {fields['periods.total']}, amount is {fields['amount']}"
        raise Refusal(Reason.INVALID_AMOUNT, detail, merchant=merchant)
    if fields.get("currencyCode") not in (None, "", "VND"):
        raise Refusal(Reason.INVALID_CURRENCY, fields["currencyCode"][:40], merchant=merchant)
    terms = fields.get("periods") or fields.get("billTerm", "")
    text = fields.get("remark") or f"{fields.get('billId', '')} {terms}"
    return Bill(
        bill_code=question.bill_code,
        amount_vnd=int(fields["amount"]),
        payer_name=fields.get("custName", "")[:200],
        description=text.strip()[:200],
        wire={name: fields[name][:WIRE_MAX] for name in BILL_KEPT if fields.get(name)},
    )


def callback(notice: Notice) -> Outgoing:
    """The payment notice, message type 1200."""
    form = _format(notice.merchant)
    fields = _told(notice) | (_told_in_records(notice.payment) if form is RECORDS else {})
    # vietinbank-y3-1-4-1#counter: cash has no bankTransId, and nobody need tell who sent the money.
    optional = ("bankTransId", "sendBankId", "sendAcctId")
    fields = worded(notice, fields, currency={"currencyCode": "USD"}, optional=optional)
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
    cash, credited = payment.in_cash, payment.state in COLLECTED
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
    status = {"status.code": code, "status.message": message}
    # onefin-bank#notice: a biller finds its order by the virtual account, which only a transfer has.
    transferred = TRANS_TYPES[payment.channel or Channel.INTERNET_BANKING] in ("2", "3")
    account = {"recvVirtualAcctId": payment.order.order_ref[:25], "recvVirtualAcctName": kept["custName"][:25]}
    return {**kept, **(account if transferred else {}), "channelId": CHANNEL_ID, "transType": "C", **status}


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


SHARED = (
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
    ("visit", "a bill that was asked for can be paid for 15 min", "no document has a limit", ""),
)
FORMATS = (
    ("format", "flat", "two formats are in use", "options.format"),
    (
        "one-record",
        "one payment a message, in data.records[0] of one",
        "a list is possible, how it is filled is not",
        "",
    ),
    ("record-answer", "errorCode in data.errors, else header, record, status", "one client has errors and details", ""),
    ("record-inquiry", "transId, transTime, custCode in data and in its one record", "billers read either place", ""),
    (
        "virtual-account",
        "in records recvVirtualAcctId is the bill's code, but for cash and POS",
        "one client's use",
        "",
    ),
    ("customer", "1300 and 1310 ask and answer what 1100 and 1110 do", "only numbers, a signature", "options.inquiry"),
)
PERIODS_OF_A_BILL = (
    (
        "periods",
        "billInfo1 has billTerm and amount, amount is their sum; all are paid together",
        "named, not shown",
        "",
    ),
    ("trans-types", "a scanned code is 2, other transfers 3", "2 dynamic code, 3 static virtual account", ""),
    ("addresses", "any; the document has /api/v1/inq-bill and /api/v1/notify-bill", "the contract names the host", ""),
    ("refund", "there is none: money goes back by hand", "the document says so", ""),
)

DIALECT = Dialect(
    code="vietinbank",
    name="VietinBank thu hộ",
    shape=Shape.BILL,
    channels=(Channel.COUNTER, Channel.POS, Channel.INTERNET_BANKING, Channel.MOBILE),
    callback=callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.CURRENCY, Part.OPTIONAL, Part.UNKNOWN}),
    acknowledged=acknowledged,
    retry=Retry(delays_s=(60, 120, 300, 600, 1800), timeout_s=30),
    announces=frozenset({State.PAID}),
    inquiry=Inquiry(ask=ask, read=read),
    secrets=("bank_private_key", "biller_public_key"),
    bank_ref=_bank_ref,
    settlement=(vietinbank_va.FILE, vietinbank_bill.FILE),
    sources=("vietinbank-notify-1-0-0", "vietinbank-y3-1-4-1", "vietinbank-thvqr-1-0", "onefin-bank"),
    assumptions=assumed("vietinbank", (*SHARED, *FORMATS)),
)

THVQR = msgspec.structs.replace(
    DIALECT,
    code=THVQR_CODE,
    name="VietinBank thu hộ qua mã QR (THVQR)",
    channels=(Channel.QR, Channel.MOBILE, Channel.INTERNET_BANKING),
    settlement=(vietinbank_va.FILE,),
    sources=("vietinbank-thvqr-1-0", "vietinbank-notify-1-0-0"),
    assumptions=assumed(THVQR_CODE, (*SHARED, *PERIODS_OF_A_BILL)),
)

DIALECTS = (DIALECT, THVQR)
