"""KeyPay 3.0: payments made by JSON, with a callback; also as a QR code or to be paid later.

Rule: check_sum is HMAC-SHA256 over named values joined by "|"; key1 signs what a merchant says, key2 what KeyPay says.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial

import msgspec
import segno

from simulator import form
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
    QueryRefund,
    RefundOrder,
    Reply,
    Shape,
    assumed,
    worded,
)
from simulator.outbox import Retry
from simulator.payment import COLLECTED, Channel, Merchant, Order, Payment, Reason, RefundState, Refusal, State
from simulator.signing import hmac_sha256_hex, same
from simulator.wire import (
    FORM_TYPE,
    JSON_TYPE,
    Answer,
    Outgoing,
    Request,
    Response,
    is_web_address,
    json_object,
    json_response,
)

Fields = dict[str, object]
Texts = dict[str, str]

# keypay3-opencps2#create, #callback: both ways the same six; status, transaction_code and payment_fee are in neither.
PAY_SIGNED = "addition_fee|client_id|command|trans_amount|transaction_id|version"
DETAIL_SIGNED = "client_id|command|transaction_id"  # keypay3-opencps2#detail
REFUND_SIGNED = "amount|client_id|command|reason|transaction_id"  # keypay3-opencps2#refund
REFUND_DETAIL_SIGNED = "client_id|command|transaction_refund_code"  # keypay3-opencps2#refund

LENGTHS = {
    "client_id": 50,
    "transaction_id": 20,  # keypay3-opencps2#create: the client cuts it there
    "trans_amount": 15,
    "addition_fee": 15,
    "amount": 15,
    "command": 20,
    "version": 10,
    "reason": 255,
    "transaction_refund_code": 50,
    "check_sum": 64,
}
EXTRAS = ("environment", "locale", "country_code", "currency_code", "description", "return_url", "bill_id")
EXTRA_CHARACTERS_MAX = 1000
BILL_INFO_CHARACTERS_MAX = 8000
PAGE_LIFE_S = 900
VND = re.compile(r"0|[1-9][0-9]{0,14}")

SUCCESS, FAILED, UNKNOWN_YET = 0, 1, 2
# keypay3-opencps2#callback: 0 is success; the other numbers are ours.
STATUS = {
    **dict.fromkeys(COLLECTED, SUCCESS),
    **dict.fromkeys((State.FAILED, State.CANCELLED, State.EXPIRED, State.REVERSED), FAILED),
    **dict.fromkeys((State.PENDING, State.SUSPECTED), UNKNOWN_YET),
}
REFUND_STATUS = {RefundState.MADE: SUCCESS, RefundState.PENDING: UNKNOWN_YET, RefundState.REFUSED: FAILED}


def check_sum(fields: Mapping[str, object], signed: str, key: str) -> str:
    """64 lower-case hex digits."""
    return hmac_sha256_hex(key, "|".join(str(fields.get(name, "")) for name in signed.split("|")).encode())


def _decode_create(request: Request, merchants: Merchants) -> Create:
    body, wire, merchant = _opened(PAY_SIGNED, request, merchants)
    refused = partial(Refusal, merchant=merchant, wire=wire)
    if wire["command"] != "PAY":
        raise refused(Reason.UNKNOWN_COMMAND, f"command {wire['command']!r}")
    try:
        extras = {name: _text(body.get(name), name, EXTRA_CHARACTERS_MAX) for name in EXTRAS}
    except ValueError as error:
        raise refused(Reason.MALFORMED, str(error)[:200]) from error
    if not is_web_address(extras["return_url"]):
        raise refused(Reason.MALFORMED, "return_url is no http or https address")
    amount_vnd = _dong(wire, "trans_amount", refused) + _dong(wire, "addition_fee", refused)
    if wire["trans_amount"] == "0":
        raise refused(Reason.INVALID_AMOUNT, "trans_amount is 0")
    if extras["currency_code"] not in ("", "VND"):
        raise refused(Reason.INVALID_CURRENCY, extras["currency_code"][:40])
    bill_info = msgspec.json.encode(body.get("bill_info") or {}).decode()
    if len(bill_info) > BILL_INFO_CHARACTERS_MAX:
        raise refused(Reason.MALFORMED, f"bill_info has more than {BILL_INFO_CHARACTERS_MAX} characters")
    order = Order(
        order_ref=wire["transaction_id"],
        order_key=wire["transaction_id"],
        amount_vnd=amount_vnd,
        description=extras["description"],
        return_url=extras["return_url"],
        locale="en" if extras["locale"].startswith("en") else "vi",
        wire={**extras, "version": wire["version"], "addition_fee": wire["addition_fee"], "bill_info": bill_info},
    )
    return Create(merchant=merchant, wire=wire, order=order, warnings=_remarks(wire, extras))


def _remarks(wire: Texts, extras: Texts) -> tuple[str, ...]:
    usual = {"version": "3.0", "locale": "vn", "country_code": "vi", "currency_code": "VND"}
    given = {**extras, "version": wire["version"]}
    return tuple(f"{name} is not {text}" for name, text in usual.items() if given[name] != text)


def _decode_detail(request: Request, merchants: Merchants) -> Query:
    _, wire, merchant = _opened(DETAIL_SIGNED, request, merchants)
    return Query(merchant=merchant, wire=wire, order_key=wire["transaction_id"])


def _decode_refund(request: Request, merchants: Merchants) -> RefundOrder:
    _, wire, merchant = _opened(REFUND_SIGNED, request, merchants)
    amount_vnd = _dong(wire, "amount", partial(Refusal, merchant=merchant, wire=wire))
    return RefundOrder(
        merchant=merchant,
        wire=wire,
        order_key=wire["transaction_id"],
        request_ref=f"RF{wire['check_sum'][:18]}",
        amount_vnd=amount_vnd,
        full=False,
        unnumbered=True,
    )


def _decode_refund_detail(request: Request, merchants: Merchants) -> QueryRefund:
    _, wire, merchant = _opened(REFUND_DETAIL_SIGNED, request, merchants)
    code = wire["transaction_refund_code"]
    return QueryRefund(merchant=merchant, wire=wire, name=code, request_ref=code)


def _opened(signed: str, request: Request, merchants: Merchants) -> tuple[Fields, Texts, Merchant]:
    """(the whole body, its signed fields, who signed them). Raises Refusal."""
    try:
        body = json_object(request.body)
        wire = {name: _text(body.get(name), name, LENGTHS[name]) for name in (*signed.split("|"), "check_sum")}
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error
    empty = [name for name in signed.split("|") if not wire[name] and name != "reason"]
    if empty:
        raise Refusal(Reason.MALFORMED, f"{empty[0]} is missing", wire=wire)
    merchant = merchants(wire["client_id"])
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, wire["client_id"], wire=wire)
    if not same(wire["check_sum"], check_sum(wire, signed, merchant.secrets["key1"])):
        raise Refusal(Reason.BAD_SIGNATURE, "check_sum", merchant=merchant, wire=wire)
    return body, wire, merchant


def _text(value: object, name: str, longest: int) -> str:
    """Numbers count as their digits: public clients write some fields either way."""
    text = "" if value is None else str(value) if type(value) in (str, int) else None
    if text is None or "\x00" in text or len(text) > longest:
        raise ValueError(f"{name} must be a text of at most {longest} characters")
    return text


def _dong(wire: Texts, name: str, refused: Callable[..., Refusal]) -> int:
    if VND.fullmatch(wire[name]) is None:
        raise refused(Reason.INVALID_AMOUNT, f"{name}: {wire[name]!r}")
    return int(wire[name])


def _encode(
    signed: str,
    accepted: Callable[[Command, Reply, Payment], Fields],
    request: Request,
    command: Command | None,
    result: Reply | Refusal,
) -> Response:
    """A refusal is signed only for who has proved himself: else anybody could have a check_sum made."""
    if isinstance(result, Refusal):
        wire, merchant = (command.wire, command.merchant) if command else (result.wire, None)
        told: Fields = {"error": "-1", "msg": f"error: {result.reason}"}
    else:
        assert command is not None, "only what was understood is replied to"
        assert result.payment is not None, "every reply of this bank is about a payment"
        wire, merchant = command.wire, command.merchant
        told = {"error": "0", "msg": "success", **accepted(command, result, result.payment)}
    echoed = {name: wire.get(name, "") for name in signed.split("|")}
    # keypay3-opencps2#received: answers repeat what was signed in the question, under key2.
    seal = check_sum(echoed, signed, merchant.secrets["key2"]) if merchant else ""
    return json_response(
        {**told, **{name: text for name, text in echoed.items() if name not in told}, "check_sum": seal}
    )


def _created(command: Command, reply: Reply, payment: Payment) -> Fields:
    if command.merchant.options.get("flavour", "redirect") == "redirect":
        return {"payment_url": reply.page_url}
    # keypay3-opencps2#paylater: of data the client reads qrcode_pay only.
    data = {
        "qrcode_pay": segno.make(reply.page_url, error="m", micro=False).png_data_uri(scale=4),
        "transaction_code": payment.bank_ref,
        "url_pay": reply.page_url,
        "expired_in": PAGE_LIFE_S,
        "qrcode_link": reply.page_url,
        "qrcode_static": "",
        "total_amount": payment.amount_vnd,
    }
    return {"payment_url": reply.page_url, "data": data}


def _detailed(command: Command, reply: Reply, payment: Payment) -> Fields:
    return {"transaction_code": payment.bank_ref, **_amounts(payment), "status": STATUS[payment.state]}


def _refunded(command: Command, reply: Reply, payment: Payment) -> Fields:
    done: Fields = {}
    status = SUCCESS
    if reply.refund is not None:
        status = REFUND_STATUS[reply.refund.state]
        done = {"transaction_refund_code": reply.refund.request_ref, "amount": str(reply.refund.amount_vnd)}
    return {"transaction_id": payment.order.order_ref, **done, "status": status}


def _names(payment: Payment) -> tuple[str, ...]:
    """The numbers of its refunds."""
    return tuple(refund.request_ref for refund in payment.all_refunds)


def _amounts(payment: Payment) -> dict[str, str]:
    addition_fee = payment.order.wire.get("addition_fee", "0")
    return {
        "trans_amount": str(payment.amount_vnd - int(addition_fee)),
        "payment_fee": "0",
        "addition_fee": addition_fee,
    }


def _callback(notice: Notice) -> Outgoing:
    payment, merchant = notice.payment, notice.merchant
    kept = payment.order.wire
    fields: Fields = {
        "client_id": merchant.merchant_code,
        "transaction_id": payment.order.order_ref,
        "transaction_code": payment.bank_ref,
        **_amounts(payment),
        "command": "PAY",
        "version": kept.get("version", "3.0"),
        "description": payment.order.description,
        **{name: kept.get(name, "") for name in ("locale", "country_code", "currency_code", "environment")},
        "status": STATUS[payment.state],
    }
    optional = ("locale", "country_code", "currency_code", "environment")
    fields = worded(notice, fields, currency={"currency_code": "USD"}, optional=optional)
    later = merchant.options.get("flavour") == "paylater"
    if later:  # keypay3-opencps2#paylater: "1" unpaid, "2" paid
        fields["status"] = "2" if payment.state in COLLECTED else "1"
    # keypay3-opencps2#paylater: the only client of it that is known checks with key1.
    key = "key1" if later and merchant.options.get("paylater_key") == "key1" else "key2"
    fields["check_sum"] = check_sum(fields, PAY_SIGNED, merchant.secrets[key])
    body = msgspec.json.encode(fields)
    if later:
        written = form.written({"body": body.decode()}).encode()
        return Outgoing("POST", merchant.callback_url, (("content-type", FORM_TYPE),), written)
    return Outgoing("POST", merchant.callback_url, (("content-type", JSON_TYPE),), body)


def _acknowledged(answer: Answer, notice: Notice) -> Ack:
    # keypay3-opencps2#acknowledgement: HTTP 200 with the number 0, or -1 for "not taken".
    if answer.status != 200:
        return Ack(False, answer.error or f"HTTP {answer.status}")
    try:
        code = json_object(answer.body).get("return_code")
    except ValueError as error:
        return Ack(False, str(error)[:200])
    if type(code) is not int:
        return Ack(False, "no return_code, or one that is no number")
    return Ack(code == 0, f"return_code {code}"[:60])


def _return_url(payment: Payment, merchant: Merchant) -> str:
    """Nobody signs it."""
    kept = payment.order.wire
    told = {  # keypay3-opencps-front#return
        "command": "PAY",
        "version": kept.get("version", "3.0"),
        "status": str(STATUS[payment.state]),
        "bill_info": kept.get("bill_info", "{}"),
        "transaction_id": payment.order.order_ref,
    }
    return form.added(payment.order.return_url, form.written(told))


ASSUMPTIONS = (
    ("paths", "/api/v3/create, detail, refund, refund-detail", "URLs are configuration in the known client", ""),
    ("errors", "-1 for every refusal, the reason in msg", "only 0 is known", ""),
    ("command", "PAY in create; any word elsewhere", "only PAY has been seen", ""),
    ("answers", "repeat the question's signed fields, under key2", "helpers for it exist, none is called", ""),
    ("detail", "is answered with the callback's fields", "its answer is read by no known client", ""),
    ("status", "1 failed, 2 not known yet", "only 0, success, is known", ""),
    ("total", "the payer pays trans_amount + addition_fee", "the client sends the shipping fee there", ""),
    ("payment-fee", "0", "nobody says who pays KeyPay", ""),
    ("announced", "paid, failed, cancelled, expired, reversed", "failures are known to be told, not which", ""),
    ("retries", "1, 5, 15, 30 min, 1 and 2 h; 30 s for an answer", "no schedule is public", "retries"),
    ("acknowledgement", "return_code 0 as a number; all else is sent again", "no rule is public", ""),
    ("refund-status", "0 made, 2 pending, 1 refused, with error 0", "0 alone is known", ""),
    ("refund-code", "made of the request's check_sum: the same request twice is one refund", "it has no number", ""),
    ("unsigned-refusal", "no check_sum before the caller has proved himself", "no oracle for signatures", ""),
    ("types", "numbers count as their digits; bill_info may be anything", "clients write both", ""),
    ("bill-info", f"at most {BILL_INFO_CHARACTERS_MAX} characters, back in the return", "no limit is public", ""),
    ("qr", "data beside payment_url; qrcode_pay as PNG of url_pay", "only its form is known", "options.flavour"),
    ("paylater", "status 2 paid, else 1, under key2", "the known client takes key1", "options.paylater_key"),
    ("page-life", "15 min to pay", "no limit is public", ""),
)

DIALECT = Dialect(
    code="keypay3",
    name="KeyPay 3.0",
    shape=Shape.SERVER_CREATE,
    channels=(Channel.INTERNET_BANKING, Channel.QR, Channel.CARD),
    endpoints=tuple(
        Endpoint(
            operation=operation,
            method="POST",
            path=f"/api/v3/{name}",
            decode=decode,
            encode=partial(_encode, signed, accepted),
        )
        for operation, name, decode, signed, accepted in (
            ("create", "create", _decode_create, DETAIL_SIGNED, _created),
            ("query", "detail", _decode_detail, DETAIL_SIGNED, _detailed),
            ("refund", "refund", _decode_refund, REFUND_SIGNED, _refunded),
            ("query_refund", "refund-detail", _decode_refund_detail, REFUND_DETAIL_SIGNED, _refunded),
        )
    ),
    callback=_callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.CURRENCY, Part.OPTIONAL, Part.UNKNOWN}),
    acknowledged=_acknowledged,
    retry=Retry(delays_s=(60, 300, 900, 1800, 3600, 7200), timeout_s=30),
    tells_refunds=frozenset(RefundState),
    announces=frozenset({State.PAID, State.FAILED, State.CANCELLED, State.EXPIRED, State.REVERSED}),
    return_url=_return_url,
    secrets=("key1", "key2"),
    page_life_s=PAGE_LIFE_S,
    names=_names,
    sources=("keypay3-opencps2", "keypay3-opencps-front"),
    assumptions=assumed("keypay3", ASSUMPTIONS),
)
