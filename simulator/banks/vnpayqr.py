"""VNPAY-QR at the counter (terminals, MMS): create a code, check it, refund it, and the callback of its payment.

Rule: a checksum is an MD5 of values with a secret behind or before them, one secret each for create, check and refund;
money is whole dong, as text.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from random import Random

import msgspec

from simulator import qr
from simulator.clock import VIETNAM, compact, parse_compact
from simulator.dialect import (
    Ack,
    Command,
    Create,
    Dialect,
    Endpoint,
    Merchants,
    Notice,
    Part,
    Query,
    RefundOrder,
    Reply,
    Shape,
    assumed,
    worded,
)
from simulator.outbox import Retry
from simulator.payment import COLLECTED, Channel, Merchant, Order, Outcome, Payment, Reason, Refusal, State
from simulator.signing import md5_hex, same
from simulator.wire import JSON_TYPE, Answer, Outgoing, Request, Response, json_object, json_response

Texts = Mapping[str, str]

MASTER = "A000000775"
# vnpay-qr-terminal#checksums: the values that are signed; a reply's as vnpay-qr-mms has them.
CREATE_SIGNED = (
    "appId|merchantName|serviceCode|countryCode|masterMerCode|merchantType|merchantCode|terminalId|payType|productId"
    "|txnId|amount|tipAndFee|ccy|expDate"
)
CREATED_SIGNED = "code|message|data|url"
CALLBACK_SIGNED = "code|msgType|txnId|qrTrace|bankCode|mobile|accountNo|amount|payDate|merchantCode"
CHECK_SIGNED = "payDate|txnId|merchantCode|terminalID"
CHECKED_SIGNED = "masterMerchantCode|merchantCode|terminalID|txnId|payDate|bankCode|qrTrace|debitAmount|realAmount"
REFUND_SIGNED = "merchantCode|qrTrace|payTxnId|refundTxnId|typeRefund|amount|payDate"
REFUNDED_SIGNED = "code|message|qrTraceRefund|refundDate"

NUMBER = r"[0-9A-Za-z._/-]{1,20}"
# vnpay-qr-mms#fields: lengths; all that is signed must be there, if only as an empty text.
FORMS = {
    "appId": r"[^|]{1,100}",
    "merchantName": r"[^|]{1,25}",
    "serviceCode": r"[0-9]{2}",
    "countryCode": r"VN",
    "masterMerCode": MASTER,
    "merchantType": r"[0-9]{1,9}",
    "merchantCode": r"[0-9A-Za-z]{1,20}",
    "terminalId": r"[0-9A-Za-z._-]{1,8}",
    "terminalID": r"[0-9A-Za-z._-]{1,8}",
    "payType": r"03",
    "productId": r"[^|]{0,20}",
    "txnId": rf"({NUMBER})?",
    "billNumber": rf"({NUMBER})?",
    "payTxnId": NUMBER,
    "tipAndFee": r"[0-9]{0,13}",
    "expDate": r"([0-9]{10})?",
    "qrTrace": r"[0-9]{1,20}",
    "refundTxnId": NUMBER,
    "typeRefund": r"[12]",
}
PATTERNS = {name: re.compile(form) for name, form in FORMS.items()}
AMOUNT = re.compile(r"[1-9][0-9]{0,12}")  # object 54 of a code has room for 13

# vnpay-qr-codes: the codes with their words; which of our reasons each stands for is inferred.
CREATE_REFUSALS = {
    Reason.MALFORMED: ("01", "Data input is not in format"),
    Reason.INVALID_AMOUNT: ("01", "Data input is not in format"),
    Reason.INVALID_CURRENCY: ("01", "Data input is not in format"),
    Reason.EXPIRED: ("01", "Data input is not in format"),
    Reason.DUPLICATE_ORDER: ("04", "Insert data QrCode failed"),
    Reason.BAD_SIGNATURE: ("06", "False checkSum"),
    Reason.UNKNOWN_MERCHANT: ("07", "Merchant is not exist"),
    Reason.MAINTENANCE: ("96", "System is maintaining"),
}
CHECK_REFUSALS = {
    Reason.UNKNOWN_ORDER: ("01", "Khong tim thay giao dich."),
    Reason.BAD_SIGNATURE: ("06", "Sai thong tin xac thuc."),
    Reason.MALFORMED: ("11", "Du lieu dau vao khong dung dinh dang."),
    Reason.UNKNOWN_MERCHANT: ("11", "Du lieu dau vao khong dung dinh dang."),
}
REFUND_REFUSALS = {
    Reason.BAD_SIGNATURE: ("01", "Checksum is wrong."),
    Reason.INVALID_AMOUNT: ("02", "Money is invalid - a part"),
    Reason.REFUND_ABOVE_PAYMENT: ("02", "Money is invalid - a part"),
    Reason.REFUNDS_ABOVE_PAYMENT: ("02", "Money is invalid - a part"),
    Reason.FULL_REFUND_AFTER_PART: ("04", "Not allow refund totality after refund a part"),
    Reason.MALFORMED: ("11", "Format data is wrong"),
    Reason.UNKNOWN_MERCHANT: ("11", "Format data is wrong"),
    Reason.UNKNOWN_ORDER: ("12", "Transaction not found"),
    Reason.NOT_PAID: ("12", "Transaction not found"),
    Reason.TIMED_OUT: ("08", "Giao dich nghi van."),
    Reason.MAINTENANCE: ("96", "System is maintaing"),
}
WHOLE_REFUND_WRONG = ("03", "Money is invalid - totality")
# vnpay-qr-codes: 00, 04 and 08; a code that nobody has paid is no transaction yet.
CHECKED = {
    **dict.fromkeys(COLLECTED, ("00", "Giao dich thanh cong.")),
    **dict.fromkeys((State.FAILED, State.REVERSED), ("04", "Giao dich that bai.")),
    State.SUSPECTED: ("08", "Giao dich nghi van."),
}


def checksum(fields: Texts, signed: str, secret: str) -> str:
    """32 lower-case hex digits over the values and the secret, joined by bars."""
    return md5_hex("|".join((*(fields[name] for name in signed.split("|")), secret)).encode())


def refund_checksum(fields: Texts, secret: str) -> str:
    """32 lower-case hex digits over the secret and the values, joined by nothing."""
    return md5_hex("".join((secret, *(fields[name] for name in REFUND_SIGNED.split("|")))).encode())


# --- requests ----------------------------------------------------------------------------------------------------


def decode_create(request: Request, merchants: Merchants) -> Create:
    body, wire, merchant = _opened(request, merchants, (*CREATE_SIGNED.split("|"), "billNumber", "desc", "checksum"))
    refused = partial(Refusal, merchant=merchant)
    # vnpay-qr-codes#create: a client writes "null" into the checksum for what it sends as null.
    as_null = wire | {name: "null" for name, value in body.items() if value is None}
    secret = merchant.secrets["create_secret"]
    plain, with_null = (checksum(each, CREATE_SIGNED, secret) for each in (wire, as_null))
    nulls = same(wire["checksum"].lower(), with_null) and with_null != plain
    if not (nulls or same(wire["checksum"].lower(), plain)):
        raise refused(Reason.BAD_SIGNATURE, "checksum")
    number = wire["billNumber"] or wire["txnId"]
    if not number:
        raise refused(Reason.MALFORMED, "neither billNumber nor txnId")
    if AMOUNT.fullmatch(wire["amount"]) is None:
        raise refused(Reason.INVALID_AMOUNT, f"amount {wire['amount'][:40]!r}")
    if wire["ccy"] != qr.VND:
        raise refused(Reason.INVALID_CURRENCY, wire["ccy"][:40])
    order = Order(
        order_ref=number,
        order_key=number,
        amount_vnd=int(wire["amount"]),
        description=wire["desc"],
        expires_at=_expiry(wire["expDate"], merchant),
        channel=Channel.QR,
        wire={name: wire[name] for name in ("merchantName", "merchantType", "serviceCode", "terminalId", "productId")},
    )
    remarks = ("the checksum has null for what is empty",) if nulls else ()
    return Create(merchant=merchant, wire=wire, order=order, warnings=remarks + _case(wire["checksum"], str.upper))


def decode_check(request: Request, merchants: Merchants) -> Query:
    _, wire, merchant = _opened(request, merchants, (*CHECK_SIGNED.split("|"), "checkSum"))
    expected = checksum(wire, CHECK_SIGNED, merchant.secrets["check_secret"])
    if not same(wire["checkSum"].lower(), expected):
        raise Refusal(Reason.BAD_SIGNATURE, "checkSum", merchant=merchant)
    if not (wire["txnId"] and re.fullmatch(r"[0-9]{2}/[0-9]{2}/[0-9]{4}", wire["payDate"])):
        raise Refusal(Reason.MALFORMED, "txnId must not be empty, payDate is dd/MM/yyyy", merchant=merchant)
    return Query(merchant=merchant, wire=wire, order_key=wire["txnId"], warnings=_case(wire["checkSum"], str.lower))


def decode_refund(request: Request, merchants: Merchants) -> RefundOrder:
    _, wire, merchant = _opened(request, merchants, (*REFUND_SIGNED.split("|"), "checkSum"))
    expected = refund_checksum(wire, merchant.secrets["refund_secret"])
    if not same(wire["checkSum"].lower(), expected):
        raise Refusal(Reason.BAD_SIGNATURE, "checkSum", merchant=merchant)
    if AMOUNT.fullmatch(wire["amount"]) is None:
        raise Refusal(Reason.INVALID_AMOUNT, f"amount {wire['amount'][:40]!r}", merchant=merchant, wire=dict(wire))
    return RefundOrder(
        merchant=merchant,
        wire=wire,
        order_key=wire["payTxnId"],
        request_ref=wire["refundTxnId"],
        amount_vnd=int(wire["amount"]),
        full=wire["typeRefund"] == "1",
        warnings=_case(wire["checkSum"], str.lower),
    )


def _opened(
    request: Request, merchants: Merchants, names: tuple[str, ...]
) -> tuple[dict[str, object], dict[str, str], Merchant]:
    """(the body, the named values as texts, whose they say they are). Raises Refusal."""
    try:
        body = json_object(request.body)
        wire = {name: _text(body.get(name), name) for name in names}
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error
    merchant = merchants(wire["merchantCode"])
    for name, value in wire.items():
        pattern = PATTERNS.get(name)
        if pattern is not None and pattern.fullmatch(value) is None:
            raise Refusal(Reason.MALFORMED, f"{name} {value[:40]!r}", merchant=merchant)
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, wire["merchantCode"])
    return body, wire, merchant


def _text(value: object, name: str) -> str:
    """Texts, and whole numbers where a client writes them; null is empty."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int) or (isinstance(value, int) and abs(value) >= 10**15):
        raise ValueError(f"{name} must be a text, or a whole number of at most 15 digits")
    text = str(value)
    if len(text) > 255 or not text.isprintable():
        raise ValueError(f"{name} must have at most 255 characters, all printable")
    return text


def _expiry(text: str, merchant: Merchant) -> datetime | None:
    try:
        return parse_compact(f"20{text}00") if text else None
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, f"expDate {text!r} is not yyMMddHHmm", merchant=merchant) from error


def _case(given: str, usual: Callable[[str], str]) -> tuple[str, ...]:
    return () if given == usual(given) else ("the checksum is in the other case than seen",)


def judge(command: Command, payment: Payment | None, now: datetime) -> None:
    """What a check or a refund says of a payment must be true of it. Raises Refusal."""
    if payment is None or isinstance(command, Create):
        return
    known = payment.settled_at or payment.created_at
    if isinstance(command, Query):
        truths = {"payDate": f"{known.astimezone(VIETNAM):%d/%m/%Y}", "terminalID": payment.order.wire["terminalId"]}
    else:
        truths = {"payDate": compact(known), "qrTrace": payment.bank_ref}
    wrong = [name for name, true in truths.items() if command.wire[name] != true]
    if wrong:
        raise Refusal(Reason.UNKNOWN_ORDER, f"{wrong[0]} is another's", merchant=command.merchant)


# --- answers -----------------------------------------------------------------------------------------------------


def encode_create(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    """Signed only where the caller has proved himself: nobody learns the checksum of what he made up."""
    data: str | None = None
    if isinstance(result, Refusal):
        code, message = CREATE_REFUSALS.get(result.reason, ("99", "Internal errors"))
    else:
        assert command is not None, "only what was understood is replied to"
        code, message, data = "00", "Success", qr_text(_payment(result), command.merchant)
    told = {"code": code, "message": message, "data": data, "url": None}
    sealed = ""
    if command is not None:  # vnpay-qr-mms#create-reply: what is null is signed as that word.
        words = {name: "null" if value is None else value for name, value in told.items()}
        sealed = checksum(words, CREATED_SIGNED, command.merchant.secrets["create_secret"]).upper()
    number = "" if isinstance(result, Refusal) else str(int(result.reply_ref[:15], 16))
    return json_response({**told, "checksum": sealed, "isDelete": data is not None, "idQrcode": number or None})


def encode_check(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(result, Refusal):
        code, message = CHECK_REFUSALS.get(result.reason, ("99", "Internal error"))
        return json_response({"code": code, "message": message})
    assert command is not None, "only what was understood is replied to"
    payment = _payment(result)
    code, message = CHECKED.get(payment.state, CHECK_REFUSALS[Reason.UNKNOWN_ORDER])
    if payment.state is State.PENDING and payment.outcome is Outcome.UNKNOWN:
        code, message = CHECKED[State.SUSPECTED]
    if code == "01":
        return json_response({"code": code, "message": message})
    told = {
        "masterMerchantCode": MASTER,
        "merchantCode": command.merchant.merchant_code,
        "terminalID": command.wire["terminalID"],
        "billNumber": payment.order.order_ref,
        "txnId": payment.order.order_ref,
        "payDate": f"{_paid_at(payment).astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}",
        "qrTrace": payment.bank_ref,
        "bankCode": _bank_code(payment),
        "debitAmount": str(payment.amount_vnd),
        "realAmount": str(payment.amount_vnd),
    }
    sealed = checksum(told, CHECKED_SIGNED, command.merchant.secrets["check_secret"]).upper()
    return json_response({"code": code, "message": message, **told, "checkSum": sealed})


def encode_refund(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(result, Refusal):
        code, message = REFUND_REFUSALS.get(result.reason, ("99", "Internal error"))
        whole = (command.wire if command else result.wire).get("typeRefund") == "1"
        if whole and code == "02":
            code, message = WHOLE_REFUND_WRONG
        return json_response({"code": code, "message": message})
    assert command is not None, "only what was understood is replied to"
    assert result.refund is not None, "a refund is replied to with itself"
    told = {
        "code": "00",
        "message": "Refund Success.",
        "qrTraceRefund": result.refund.bank_ref,
        "refundDate": compact(result.refund.refunded_at),
    }
    sealed = checksum(told, REFUNDED_SIGNED, command.merchant.secrets["refund_secret"]).upper()
    return json_response({**told, "checkSum": sealed})


def _payment(reply: Reply) -> Payment:
    assert reply.payment is not None, "create and check are about a payment"
    return reply.payment


def _paid_at(payment: Payment) -> datetime:
    return payment.settled_at or payment.created_at


def _bank_code(payment: Payment) -> str:
    return payment.issuer_code or "VNPAYEWALLET"


def qr_text(payment: Payment, merchant: Merchant) -> str:
    """The code that a terminal shows: merchant, terminal, number and amount."""
    order = payment.order
    name = qr.plain(order.wire.get("merchantName", "")) or qr.plain(merchant.name) or merchant.merchant_code
    terminal = order.wire.get("terminalId", "")
    number = qr.plain(order.order_ref)
    return qr.vnpay_qr(merchant.merchant_code, order.amount_vnd, number, merchant_name=name, terminal=terminal)


# --- callback ----------------------------------------------------------------------------------------------------


def callback(notice: Notice) -> Outgoing:
    """vnpay-qr-mms#callback: all values are texts; message, terminal and addData are not signed."""
    payment, merchant = notice.payment, notice.merchant
    credited = payment.state in COLLECTED
    wire = payment.order.wire
    fields = {
        "code": "00" if credited else "01",
        "message": f"{'Tru tien thanh cong' if credited else 'Tru tien that bai'}, so trace {payment.bank_ref}",
        "msgType": "1",
        "txnId": payment.order.order_ref,
        "qrTrace": payment.bank_ref,
        "bankCode": _bank_code(payment),
        "mobile": "",
        "accountNo": payment.payer_account,
        "amount": str(payment.amount_vnd),
        "payDate": compact(payment.settled_at or notice.now),
        "masterMerCode": MASTER,
        "merchantCode": merchant.merchant_code,
        "terminalId": wire.get("terminalId", ""),
    }
    secret = merchant.secrets.get("callback_secret", merchant.secrets["create_secret"])
    bought = {
        "merchantType": wire.get("merchantType", ""),
        "serviceCode": wire.get("serviceCode", "03"),
        **{name: fields[name] for name in ("masterMerCode", "merchantCode", "terminalId", "amount")},
        **{"productId": wire.get("productId", ""), "tipAndFee": "", "ccy": qr.VND, "qty": "1", "note": ""},
    }
    sealed = checksum(fields, CALLBACK_SIGNED, secret).upper()
    body = worded(
        notice,
        {**fields, "addData": [bought], "ccy": qr.VND, "checksum": sealed},
        currency={"addData": [{**bought, "ccy": "840"}], "ccy": "840"},
        optional=("addData", "terminalId"),
    )
    return Outgoing("POST", merchant.callback_url, (("content-type", JSON_TYPE),), msgspec.json.encode(body))


def acknowledged(answer: Answer, notice: Notice) -> Ack:
    # vnpay-qr-terminal#reply: 00 taken, 05 paid before; 03 no such order, 06 not proved, 07 another amount.
    if answer.status != 200:
        return Ack(False, answer.error or f"HTTP {answer.status}")
    try:
        code = json_object(answer.body).get("code")
    except ValueError as error:
        return Ack(False, str(error)[:200])
    return Ack(code in ("00", "05"), f"code {code[:40]}") if isinstance(code, str) else Ack(False, "no code")


def _bank_ref(rng: Random, now: datetime) -> str:
    """qrTrace: vnpay-qr-mms gives it ten places."""
    return str(rng.randrange(10**9, 10**10))


ASSUMPTIONS = (
    ("callback-secret", "create_secret, unless the merchant has a callback_secret", "merchants differ", "secrets"),
    ("checksum-case", "either case is taken, the unusual one with a remark", "public clients differ", ""),
    ("null", "null is signed as nothing, or as the word with a remark", "public clients differ", ""),
    ("number", "billNumber, else txnId, is the order; it is used once", "which of them counts depends on payType", ""),
    ("pay-type", "03 only; any two digits as serviceCode", "other kinds of codes have other fields", ""),
    ("reason-codes", "codes as listed by merchants, which of our reasons each stands for is ours", "no document", ""),
    ("unsigned-refusal", "no checksum before the caller has proved himself", "no oracle for checksums", ""),
    ("unpaid", "check answers 01 for a code that nobody has paid", "there is no transaction yet", ""),
    ("check-day", "the day of payment (before it, of the code) and the terminal must be right", "they are asked", ""),
    ("refund", "qrTrace and payDate of the payment must be right; done at once", "no rule is public", ""),
    ("refund-reply", "checkSum over code, message, qrTraceRefund, refundDate", "only a sample is public", ""),
    ("refund-state", "08 while pending, 99 refused; nothing asks about it later", "no code for it is known", ""),
    ("refund-again", "the same refundTxnId again is 99", "no code for it is known", ""),
    ("announced", "paid, failed", "success and failure are said to be told", ""),
    ("failure", "code 01", "only 00 is certain", ""),
    ("acknowledgement", "HTTP 200 with 00 or 05; anything else is sent again", "03 and 05 differ by merchant", ""),
    ("retries", "1, 5, 15, 30 and 60 min; 30 s for an answer", "no schedule is public", "retries"),
    ("bank-code", "VNPAYEWALLET where the payer's bank is not known", "seen in a sample", ""),
    ("payer", "mobile is empty", "payers here have no telephone", ""),
    ("page-life", "15 min without expDate", "no limit is public", ""),
)

DIALECT = Dialect(
    code="vnpayqr",
    name="VNPAY-QR tại quầy (MMS)",
    shape=Shape.SERVER_CREATE,
    channels=(Channel.QR,),
    endpoints=(
        Endpoint(
            operation="create",
            method="POST",
            path="/QRCreateAPIRestV2/rest/CreateQrcodeApi/createQrcode",
            decode=decode_create,
            encode=encode_create,
        ),
        Endpoint(
            operation="query",
            method="POST",
            path="/CheckTransaction/rest/api/CheckTrans",
            decode=decode_check,
            encode=encode_check,
        ),
        Endpoint(
            operation="refund",
            method="POST",
            path="/mms/refund",
            decode=decode_refund,
            encode=encode_refund,
        ),
    ),
    callback=callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.CURRENCY, Part.OPTIONAL, Part.UNKNOWN}),
    acknowledged=acknowledged,
    retry=Retry(delays_s=(60, 300, 900, 1800, 3600), timeout_s=30),
    announces=frozenset({State.PAID, State.FAILED}),
    secrets=("create_secret", "check_secret", "refund_secret"),
    bank_ref=_bank_ref,
    qr_text=qr_text,
    judge=judge,
    sources=("vnpay-qr-terminal", "vnpay-qr-mms", "vnpay-qr-codes"),
    assumptions=assumed("vnpayqr", ASSUMPTIONS),
)
