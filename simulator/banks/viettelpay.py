"""ViettelPay bills by QR: the app asks a portal what a bill is and tells it the result; the portal searches, refunds.

Rule: each check_sum is an HMAC-SHA1 over the access code and named values, joined without a separator.
"""

import base64
import re
from datetime import datetime
from functools import partial
from typing import NamedTuple

from simulator import form
from simulator.dialect import (
    Ack,
    Command,
    Dialect,
    Endpoint,
    Inquiry,
    Merchants,
    Notice,
    Part,
    Query,
    Question,
    RefundOrder,
    Reply,
    Shape,
    assumed,
    worded,
)
from simulator.outbox import Retry
from simulator.payment import COLLECTED, Bill, Channel, Merchant, Outcome, Payment, Reason, Refusal, State
from simulator.signing import hmac_sha1, same
from simulator.wire import FORM_TYPE, Answer, Outgoing, Request, Response, json_object, json_response

Texts = dict[str, str]

# viettelpay-opencps#bill-check, viettelpay-gateway#check-sums: what follows the access code, in this order.
CHECK_SIGNED = "billcode+merchant_code+order_id+trans_amount"
BILL_SIGNED = "billcode+error_code+merchant_code+order_id+trans_amount"
# viettelpay-gateway#result: OpenCPS never verifies this one; samples for partners and a client in Go agree on it.
RESULT_SIGNED = "billcode+cust_msisdn+error_code+merchant_code+order_id+payment_status+trans_amount+vt_transaction_id"
ACK_SIGNED = "error_code+merchant_code+order_id"
SEARCH_SIGNED = "cmd+merchant_code+order_id+version"
FOUND_SIGNED = "error_code+merchant_code+order_id+version"

REFUND_SIGNED = "cmd+merchant_code+order_id+originalRequestId+refundType+trans_amount+version"

# viettelpay-opencps#routes: the national hub's addresses, and a province's own, to which the hub forwards.
PATHS = {
    "hub": ("/vtp/paymentconfirm", "/vtp/receiveresult"),
    "merchant": ("/vtp/mcpaymentconfirm", "/vtp/mcreceiveresult"),
}

# viettelpay-gateway#search, viettelpay-gateway#refund: one address takes both.
SEARCH_COMMAND, REFUND_COMMAND = "TRANS_INQUIRY", "REFUND_PAYMENT"
WHOLE, PART = "0", "1"
NOTHING_YET, PROCESSING, PAID, FAILED, UNCERTAIN = "-1", "0", "1", "2", "3"
STATUSES = {
    State.PENDING: PROCESSING,
    State.SUSPECTED: UNCERTAIN,
    **dict.fromkeys(COLLECTED, PAID),
    **dict.fromkeys((State.FAILED, State.CANCELLED, State.EXPIRED, State.REVERSED), FAILED),
}
DEBITED = COLLECTED | {State.SUSPECTED, State.REVERSED}

# viettelpay-opencps#codes: what a portal answers; 01 is any bill that cannot be paid, so one that is paid as well.
OK, WRONG_DATA, WRONG_CHECK_SUM, SYSTEM_ERROR = "00", "01", "02", "03"
REASONS = {
    WRONG_DATA: Reason.UNKNOWN_ORDER,
    WRONG_CHECK_SUM: Reason.BAD_SIGNATURE,
    SYSTEM_ERROR: Reason.UNKNOWN,
}
CODES = {
    Reason.BAD_SIGNATURE: WRONG_CHECK_SUM,
    **dict.fromkeys((Reason.MAINTENANCE, Reason.TIMED_OUT, Reason.UNKNOWN), SYSTEM_ERROR),
}
LENGTHS = {"cmd": 50, "merchant_code": 50, "order_id": 100, "version": 20, "check_sum": 100}
REFUND_FORMS = {
    "originalRequestId": r"[0-9A-Za-z_.-]{1,50}",
    "refundType": rf"[{WHOLE}{PART}]",
    "trans_amount": r"[1-9][0-9]{0,14}",
    "trans_content": r"[^\x00-\x1f\x7f]{0,250}",
}
REFUND_MESSAGES = {
    OK: "Successful",
    WRONG_DATA: "The transaction is unknown, or cannot be refunded so",
    WRONG_CHECK_SUM: "The check_sum is wrong",
    SYSTEM_ERROR: "System error",
}


class Code(NamedTuple):
    """What a payer handed in: the QR code's members, or for a code typed by hand the same text twice."""

    billcode: str
    order_id: str
    amount: str = ""
    merchant_code: str = ""


def scanned(text: str) -> Code:
    """Reads the text of a portal's QR code; anything else is a bill code."""
    # viettelpay-opencps#qr; viettelpay-gateway#payment: where there is no bill code, both are the order's number.
    try:
        members = json_object(text.encode()) if text.startswith("{") else {}
    except ValueError:
        members = {}
    named = {name: _plain(members.get(name)) for name in ("BILLCODE", "ORDER_ID", "AMOUNT", "MERCHANT_CODE")}
    if not named["BILLCODE"] or not named["ORDER_ID"]:
        return Code(text, text)
    return Code(named["BILLCODE"], named["ORDER_ID"], named["AMOUNT"], named["MERCHANT_CODE"])


def _plain(value: object) -> str:
    """A text, or a whole number as text; "" for all else and for what no form field could carry."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15:
        return str(value)
    return value if isinstance(value, str) and len(value) <= 100 and value.isprintable() else ""


def check_sum(fields: Texts, signed: str, merchant: Merchant) -> str:
    """40 lower-case hex digits, or 28 characters of base64 as the merchant's contract has it."""
    text = "".join((merchant.secrets["access_code"], *(fields.get(name, "") for name in signed.split("+"))))
    digest = hmac_sha1(merchant.secrets["hash_key"], text.encode())
    # viettelpay-opencps#encoding: hex at first, base64 in newer code.
    base64_wanted = merchant.options.get("check_sum") == "base64"
    return base64.b64encode(digest).decode() if base64_wanted else digest.hex()


def _asked(question: Question, merchant: Merchant) -> Texts:
    code = scanned(question.bill_code)
    return {"billcode": code.billcode, "merchant_code": merchant.merchant_code, "order_id": code.order_id}


def ask(question: Question, merchant: Merchant) -> Outgoing:
    """Step 1, the bill check: the amount is signed but not sent."""
    fields = _asked(question, merchant)
    signed = {**fields, "trans_amount": scanned(question.bill_code).amount}
    fields["check_sum"] = check_sum(signed, CHECK_SIGNED, merchant)
    return _posted(_address(merchant.inquiry_url, merchant, 0), fields)


def read(answer: Answer, question: Question, merchant: Merchant) -> Bill:
    """The bill as the portal knows it. Raises Refusal."""
    refused = partial(Refusal, merchant=merchant)
    fields = _understood(answer, merchant)
    code = fields.get("error_code", "")
    if code != OK:
        raise refused(REASONS.get(code, Reason.UNKNOWN), f"error_code {code[:40]!r}")
    asked, handed_in = _asked(question, merchant), scanned(question.bill_code)
    for name, text in asked.items():
        if fields.get(name, "") != text:
            raise refused(Reason.MALFORMED, f"{name} is not the one that was asked")
    if handed_in.merchant_code not in ("", merchant.merchant_code):
        raise refused(Reason.UNKNOWN_MERCHANT, f"the QR code is of {handed_in.merchant_code}")
    # viettelpay-opencps#bill-check: the answer echoes the question's; viettelpay-gateway#check-sums: it has its own.
    echoed = check_sum({**asked, "trans_amount": handed_in.amount}, CHECK_SIGNED, merchant)
    own = check_sum(fields, BILL_SIGNED, merchant)
    given = fields.get("check_sum", "")
    if not (same(given, echoed) or same(given, own)):
        raise refused(Reason.BAD_SIGNATURE, "check_sum")
    amount = fields.get("trans_amount", "")
    if not re.fullmatch(r"[1-9][0-9]{0,14}", amount) or handed_in.amount not in ("", amount):
        raise refused(Reason.INVALID_AMOUNT, f"trans_amount {amount[:40]!r}, AMOUNT {handed_in.amount!r}")
    return Bill(
        bill_code=question.bill_code,
        amount_vnd=int(amount),
        description=f"Thanh toan hoa don {handed_in.billcode}"[:200],
        wire={"billcode": handed_in.billcode, "order_id": handed_in.order_id},
    )


def callback(notice: Notice) -> Outgoing:
    """Step 2, the result: payment_status 1 is paid."""
    payment, merchant = notice.payment, notice.merchant
    code = scanned(payment.order.order_ref)
    fields = {
        "billcode": code.billcode,
        "cust_msisdn": _phone(payment),
        "error_code": OK if payment.state in COLLECTED else SYSTEM_ERROR,
        "merchant_code": merchant.merchant_code,
        "order_id": code.order_id,
        "payment_status": _status(payment),
        "trans_amount": str(payment.amount_vnd),
        "vt_transaction_id": payment.bank_ref,
    }
    fields = worded(notice, fields, second={"payment_status": _status(notice.second)})
    fields["check_sum"] = check_sum(fields, RESULT_SIGNED, merchant)
    return _posted(_address(merchant.callback_url, merchant, 1), fields)


def _phone(payment: Payment) -> str:
    """A number that belongs to nobody: 84 and the last nine digits of the test account."""
    return "84" + re.sub(r"[^0-9]", "", payment.payer_account).zfill(9)[-9:]


def _status(payment: Payment) -> str:
    unknown = payment.state is State.PENDING and payment.outcome is Outcome.UNKNOWN
    return UNCERTAIN if unknown else STATUSES[payment.state]


def acknowledged(answer: Answer, notice: Notice) -> Ack:
    """Done only by 00 that the portal signed for this very order."""
    merchant = notice.merchant
    try:
        fields = _understood(answer, merchant)
    except Refusal as refusal:
        return Ack(False, str(refusal))
    code = fields.get("error_code", "")
    expected = {"merchant_code": merchant.merchant_code, "order_id": scanned(notice.payment.order.order_ref).order_id}
    if any(fields.get(name) != text for name, text in expected.items()):
        return Ack(False, f"error_code {code[:40]} for another order")
    if not same(fields.get("check_sum", ""), check_sum(fields, ACK_SIGNED, merchant)):
        return Ack(False, f"error_code {code[:40]} with a wrong check_sum")
    return Ack(code == OK, f"error_code {code[:40]}")


def _understood(answer: Answer, merchant: Merchant) -> Texts:
    """The text and number members of a portal's JSON. Raises Refusal."""
    if answer.status != 200:
        reason = {0: Reason.TIMED_OUT, 503: Reason.MAINTENANCE}.get(answer.status, Reason.UNKNOWN)
        raise Refusal(reason, answer.error or f"HTTP {answer.status}", merchant=merchant)
    try:
        body = json_object(answer.body)
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200], merchant=merchant) from error
    return {name: _plain(value) for name, value in body.items()}


def _address(url: str, merchant: Merchant, step: int) -> str:
    """The contract's address; with the option `paths` it is where OpenCPS stands, and its own path is added."""
    paths = PATHS.get(merchant.options.get("paths", ""))
    return url.rstrip("/") + paths[step] if paths else url


def _posted(url: str, fields: Texts) -> Outgoing:
    return Outgoing("POST", url, (("content-type", FORM_TYPE),), form.written(fields).encode())


def decode_search(request: Request, merchants: Merchants) -> Query | RefundOrder:
    """Step 3: what became of an order, asked by the portal, or its money to be given back. Raises Refusal."""
    try:
        given = form.fields(form.pieces(request.body))
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error
    refunds = given.get("cmd") == REFUND_COMMAND
    wire = {name: given.get(name, "") for name in (*LENGTHS, *(REFUND_FORMS if refunds else ()))}
    merchant = merchants(wire["merchant_code"])
    refused = partial(Refusal, merchant=merchant, wire=wire)
    for name, longest in LENGTHS.items():
        if not 0 < len(wire[name]) <= longest or not wire[name].isprintable():
            raise refused(Reason.MALFORMED, f"{name} must have 1 to {longest} printable characters")
    if wire["cmd"] not in (SEARCH_COMMAND, REFUND_COMMAND):
        raise refused(Reason.UNKNOWN_COMMAND, f"cmd {wire['cmd']!r} is neither {SEARCH_COMMAND} nor {REFUND_COMMAND}")
    odd = [name for name, form_of in REFUND_FORMS.items() if refunds and not re.fullmatch(form_of, wire[name])]
    if odd:
        raise refused(Reason.MALFORMED, f"{odd[0]} is missing or of another form")
    if merchant is None:
        raise refused(Reason.UNKNOWN_MERCHANT, wire["merchant_code"])
    if not same(wire["check_sum"], check_sum(wire, REFUND_SIGNED if refunds else SEARCH_SIGNED, merchant)):
        raise refused(Reason.BAD_SIGNATURE, "check_sum")
    if not refunds:
        return Query(merchant=merchant, wire=wire, name=wire["order_id"])
    return RefundOrder(
        merchant=merchant,
        wire=wire,
        name=_transaction(wire["originalRequestId"]),
        request_ref=wire["check_sum"],  # A refund has no number of its own; the very same one is made once.
        amount_vnd=int(wire["trans_amount"]),
        full=wire["refundType"] == WHOLE,
        unnumbered=True,
    )


def judge(command: Command, payment: Payment | None, now: datetime) -> None:
    """A refund names the order of the transaction that it takes back."""
    if isinstance(command, RefundOrder) and payment is not None:
        order_id = scanned(payment.order.order_ref).order_id
        if command.wire["order_id"] != order_id:
            raise Refusal(Reason.UNKNOWN_ORDER, f"the transaction is of {order_id}", merchant=command.merchant)


def encode_search(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    """Signed only for who has proved to hold the key."""
    known = command or (result if isinstance(result, Refusal) else None)
    wire = dict(known.wire) if known else {}
    code = CODES.get(result.reason, WRONG_DATA) if isinstance(result, Refusal) else OK
    payment = None if isinstance(result, Refusal) else result.payment
    if wire.get("cmd") == REFUND_COMMAND:
        return _refunded(wire, code, command, result)
    fields = {
        "merchant_code": wire.get("merchant_code", ""),
        "order_id": wire.get("order_id", ""),
        "error_code": code,
        "vt_transaction_id": payment.bank_ref if payment else "",
        "payment_status": _status(payment) if payment else NOTHING_YET,
        "version": wire.get("version", ""),
    }
    fields["check_sum"] = check_sum(fields, FOUND_SIGNED, command.merchant) if command else ""
    trans_amount = {"trans_amount": payment.amount_vnd} if payment else {}
    return json_response({**fields, **trans_amount})


def _refunded(wire: Texts, code: str, command: Command | None, result: Reply | Refusal) -> Response:
    """viettelpay-gateway#refund: error_code, and in words why not."""
    fields = {
        "merchant_code": wire["merchant_code"],
        "order_id": wire["order_id"],
        "error_code": code,
        "version": wire["version"],
    }
    refund = None if isinstance(result, Refusal) else result.refund
    signature = check_sum(fields, FOUND_SIGNED, command.merchant) if command else ""
    told = {"error_msg": REFUND_MESSAGES[code], "vt_transaction_id": refund.bank_ref if refund else ""}
    return json_response({**fields, **told, "check_sum": signature})


def names(payment: Payment) -> tuple[str, ...]:
    """A search finds an order once a payer was debited for it: visits that came to nothing leave no trace."""
    order_id = scanned(payment.order.order_ref).order_id
    return (order_id, _transaction(payment.bank_ref)) if payment.state in DEBITED else ()


def _transaction(number: str) -> str:
    return f"transaction:{number}"


ASSUMPTIONS = (
    ("typed-code", "a code that is no QR text is billcode and order_id both", "so the gateway's rule has it", ""),
    ("typed-amount", "for a typed code the amount in step 1's check_sum is empty", "the app does not know it", ""),
    ("incoming-check-sum", "the gateway's rule for results", "the bill product's own is nowhere verified", ""),
    ("bill-check-sum", "the question's, or one of the answer's own; one of both is needed", "sources differ", ""),
    ("check-sum", "hex", "hex and base64 are both seen", "options.check_sum"),
    ("bill-amount", "trans_amount must be the QR code's AMOUNT", "what the payer saw is what he pays", ""),
    ("failure", "error_code 03 and payment_status 2", "only 00 and 1 are known for a result", ""),
    ("announced", "paid only", "nothing tells whether failures are sent", ""),
    ("phone", "cust_msisdn is 84 and digits of the test account", "test payers have no telephone", ""),
    ("retries", "after 1, 5, 15, 30 and 60 min; 30 s for an answer", "no schedule is public", "retries"),
    ("acknowledgement", "HTTP 200, signed 00 for that order; all else is sent again", "no rule is public", ""),
    ("search-path", "/search", "the URL is configuration in every known client", ""),
    ("search-found", "only orders whose payer was debited; -1 and 01 for all others", "-1 is nothing happened", ""),
    ("search-codes", "01, 02 and 03 as portals use them", "the search's own codes are not public", ""),
    ("search-check-sum", "error_code, merchant_code, order_id, version", "so it is in the refund's answer", ""),
    ("refund-type", "refundType 0 is whole, 1 a part", "its values are not public", ""),
    ("refund-number", "a refund in the very same words is made once, then 01", "a refund has no number", ""),
    ("refund-state", "03 while pending, 01 refused; nothing asks about it later", "only 00 is known", ""),
    ("refund-codes", "00, 01, 02 and 03, with error_msg and the refund's own number", "only 00 is known", ""),
    (
        "paths",
        "the addresses as they stand; hub or merchant adds OpenCPS's own paths",
        "both are seen",
        "options.paths",
    ),
    ("search-amount", "trans_amount is told as well, unsigned", "a portal must be able to compare", ""),
    ("visit", "a bill that was asked for can be paid for 15 min", "no limit is public", ""),
)

DIALECT = Dialect(
    code="viettelpay",
    name="ViettelPay thanh toán hóa đơn",
    shape=Shape.BILL,
    channels=(Channel.QR, Channel.MOBILE),
    endpoints=(Endpoint(operation="query", method="POST", path="/search", decode=decode_search, encode=encode_search),),
    callback=callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.SECOND_STATUS, Part.UNKNOWN}),
    acknowledged=acknowledged,
    retry=Retry(delays_s=(60, 300, 900, 1800, 3600), timeout_s=30),
    announces=frozenset({State.PAID}),
    inquiry=Inquiry(ask=ask, read=read),
    secrets=("access_code", "hash_key"),
    names=names,
    judge=judge,
    sources=("viettelpay-opencps", "viettelpay-gateway"),
    assumptions=assumed("viettelpay", ASSUMPTIONS),
)
