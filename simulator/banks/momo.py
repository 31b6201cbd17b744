"""MoMo, all-in-one API version 2: create, pay at a till, query, refund, refund query and confirm, notified by POST.

Rule: a signature is HMAC-SHA256 over `name=value` pairs in a fixed order, values raw, joined by "&"; amounts are dong.
An empty HTTP 204 is the documented acknowledgement, and nothing else is one. Where the connector asks for two steps,
approved money is only held (9000) until it confirms: capture takes it, cancel gives it back.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from random import Random

import msgspec

from simulator import form
from simulator.dialect import (
    Ack,
    CancelOrder,
    Capture,
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
from simulator.payment import (
    COLLECTED,
    Channel,
    Merchant,
    Order,
    Outcome,
    Payment,
    Reason,
    Refund,
    RefundState,
    Refusal,
    State,
)
from simulator.signing import hmac_sha256_hex, rsa_decrypted, same
from simulator.wire import JSON_TYPE, Answer, Outgoing, Request, Response, json_object, json_response

Fields = Mapping[str, str]

# momo-aio-v2#signature: the names in the order in which they are signed; momo-clients#confirm, momo-clients#pos.
SIGNED = {
    "create": "accessKey amount extraData ipnUrl orderId orderInfo partnerCode redirectUrl requestId requestType",
    "pos": "accessKey amount extraData orderId orderInfo partnerCode paymentCode requestId",
    "query": "accessKey orderId partnerCode requestId",
    "refund": "accessKey amount description orderId partnerCode requestId transId",
    "refund_query": "accessKey orderId partnerCode requestId",
    "confirm": "accessKey amount description orderId partnerCode requestId requestType",
    "result": "accessKey amount extraData message orderId orderInfo orderType partnerCode payType requestId"
    " responseTime resultCode transId",
}
# momo-aio-v2#create: lengths and letters.
FORMS = {
    "accessKey": r".{0,50}",
    "partnerCode": r".{1,20}",
    "requestId": r".{1,50}",
    "orderId": r"(?=.{1,50}$)[0-9a-zA-Z]([-_.0-9a-zA-Z]*[0-9a-zA-Z])?",
    "amount": r"[0-9]{1,15}",
    "orderInfo": r".{1,200}",
    "redirectUrl": r"(?=.{10,200}$)https?://[^/?#\s]\S*",
    "ipnUrl": r"(?=.{10,200}$)https?://[^/?#\s]\S*",
    "extraData": r".{0,1000}",
    "description": r".{0,200}",
    "requestType": r".{1,50}",
    "transId": r"[0-9]{1,15}",
    "paymentCode": r"[0-9A-Za-z+/]{100,1000}={0,2}",
}
PAYMENT_CODE = re.compile(rb"(?:MM)?[0-9]{6}([0-9]{12})", re.IGNORECASE)  # momo-clients#pos: MM and 18 digits
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
KINDS: dict[str, dict[str, Channel | None]] = {  # momo-aio-v2#create, momo-clients#confirm
    "create": {
        "captureWallet": Channel.QR,
        "payWithATM": Channel.CARD,
        "payWithCC": Channel.CARD,
        "payWithMethod": None,
    },
    "confirm": {"capture": None, "cancel": None},
}
TWO_STEP = ("captureWallet", "payWithCC", "pos")  # momo-aio-v2#confirm: wallet and cards of international schemes
PAY_TYPES = {"pos": "qr", "payWithATM": "napas", "payWithCC": "credit"}
CHANNEL_PAY_TYPES = {Channel.MOBILE: "app", Channel.CARD: "credit", Channel.INTERNET_BANKING: "napas"}
# momo-aio-v2#create, momo-aio-v2#refund, momo-aio-v2#pos
AMOUNTS_VND = {"create": (1_000, 50_000_000), "refund": (1_000, 50_000_000), "pos": (1_000, 5_000_000)}
ATM_REFUND_MIN_VND = 10_000  # momo-aio-v2#refund

# momo-aio-v2#result-codes; the words are ours.
MESSAGES = {
    0: "Successful.",
    10: "Down for maintenance.",
    11: "Access is denied.",
    12: "This version of the API is not supported.",
    13: "The merchant could not be authenticated.",
    20: "The request is in a bad format.",
    21: "The amount is not the transaction's.",
    22: "The amount is out of range.",
    40: "This requestId was used before.",
    41: "This orderId was used before.",
    42: "There is no such orderId.",
    43: "Another transaction stands in the way.",
    45: "This ItemId was used before.",
    47: "The information does not apply.",
    98: "The QR code could not be made.",
    99: "Unknown error.",
    1000: "Waiting for the user to pay.",
    1001: "The user has not enough money.",
    1002: "The issuer declined the payment.",
    1003: "The payment was cancelled.",
    1004: "The amount is above the user's limit.",
    1005: "The time to pay has run out.",
    1006: "The user denied the payment.",
    1007: "The user's account is inactive or missing.",
    1017: "The merchant cancelled the payment.",
    1026: "The rules of the promotion do not allow it.",
    1080: "The refund failed; it may be tried again in an hour.",
    1081: "The payment was refunded before.",
    1088: "This payment cannot be refunded.",
    2019: "The orderGroupId is not valid.",
    4001: "The user's account is restricted.",
    4002: "The user's account is not verified.",
    4100: "The user could not log in.",
    7000: "The transaction is being processed.",
    7002: "The provider is processing the transaction.",
    8000: "The user has to confirm the payment once more.",
    9000: "The payment is authorised.",
}
# momo-aio-v2#result-codes: what ends a transaction; a request that ended so is answered alike when it comes again.
FINAL = frozenset({0, 98, 99, *range(1001, 1008), 1017, 1026, 4100})
FAILURE_CODES = {
    Outcome.SUCCESS: 99,
    Outcome.SUSPECTED_FRAUD: 1002,
    Outcome.NOT_REGISTERED: 1007,
    Outcome.WRONG_DETAILS: 1002,
    Outcome.TIMED_OUT: 1005,
    Outcome.ACCOUNT_LOCKED: 4001,
    Outcome.WRONG_OTP: 4100,
    Outcome.CANCELLED: 1006,
    Outcome.INSUFFICIENT_FUNDS: 1001,
    Outcome.OVER_LIMIT: 1004,
    Outcome.MAINTENANCE: 10,
    Outcome.WRONG_PASSWORD: 4100,
    Outcome.REVERSED: 99,
    Outcome.UNKNOWN: 99,
    Outcome.OTHER: 99,
}
# momo-aio-v2#result-codes
REFUND_CODES = {RefundState.MADE: 0, RefundState.PENDING: 7002, RefundState.REFUSED: 1080}
STATE_CODES = {
    **dict.fromkeys(COLLECTED, 0),
    State.CANCELLED: 1006,
    State.EXPIRED: 1005,
    State.SUSPECTED: 7000,
    State.REVERSED: 99,
}
REFUSALS = {
    Reason.MALFORMED: 20,
    Reason.UNKNOWN_COMMAND: 20,
    Reason.UNKNOWN_MERCHANT: 13,
    Reason.BAD_SIGNATURE: 20,
    Reason.RETURN_URL_NOT_REGISTERED: 11,
    Reason.INVALID_AMOUNT: 22,
    Reason.INVALID_CURRENCY: 47,
    Reason.MAINTENANCE: 10,
    Reason.EXPIRED: 1005,
    Reason.DUPLICATE_ORDER: 41,
    Reason.UNKNOWN_ORDER: 42,
    Reason.TOO_SOON: 40,
    Reason.NOT_PAID: 1088,
    Reason.FULL_REFUND_AFTER_PART: 1088,
    Reason.ONLY_PART_REFUND: 1088,
    Reason.REFUND_ABOVE_PAYMENT: 22,
    Reason.REFUNDS_ABOVE_PAYMENT: 1081,
    Reason.REFUND_REFUSED: 1080,
    Reason.ALREADY_PAID: 43,
    Reason.WRONG_PAYER: 1007,
    Reason.TIMED_OUT: 7002,
    Reason.UNKNOWN: 99,
}


def raw_string(kind: str, fields: Fields) -> str:
    """What is signed: "accessKey=...&amount=...", values as they are."""
    return "&".join(f"{name}={fields.get(name, '')}" for name in SIGNED[kind].split())


def _decode(kind: str, request: Request, merchants: Merchants) -> Command:
    fields = _fields(request.body)
    merchant = merchants(fields.get("partnerCode", ""))
    try:
        return _understood(kind, fields, merchant)
    except Refusal as refusal:
        raise Refusal(refusal.reason, refusal.detail, merchant=merchant, wire=fields) from None


def _fields(body: bytes) -> dict[str, str]:
    """momo-samples: amounts come as numbers or as texts. Values that are neither count as absent."""
    try:
        given = json_object(body)
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error
    fields = {name: str(value) for name, value in given.items() if type(value) in (str, int)}
    return {**fields, "autoCapture": "false"} if given.get("autoCapture") is False else fields


def _understood(kind: str, fields: Fields, merchant: Merchant | None) -> Command:
    """The details of its refusals are "field: why", which subErrors repeats."""
    for name in SIGNED[kind].split():
        text = fields.get(name, "")
        if CONTROL.search(text) or re.fullmatch(FORMS[name], text) is None:
            raise Refusal(Reason.MALFORMED, f"{name}: missing or in a bad format")
    if kind in KINDS and fields["requestType"] not in KINDS[kind]:
        raise Refusal(Reason.UNKNOWN_COMMAND, "requestType: not supported")
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, "partnerCode: unknown")
    _check_signature(kind, fields, merchant)
    least, most = AMOUNTS_VND.get(kind, (0, 10**15))
    if not least <= int(fields.get("amount", "0")) <= most:
        raise Refusal(Reason.INVALID_AMOUNT, f"amount: not from {least} to {most}")
    return _command(kind, fields, merchant)


def _check_signature(kind: str, fields: Fields, merchant: Merchant) -> None:
    """momo-samples: some send accessKey along, most do not; the raw string is told back (momo-samples#39)."""
    access_key = merchant.options.get("access_key", "")
    if fields.get("accessKey", access_key) != access_key:
        raise Refusal(Reason.UNKNOWN_MERCHANT, "accessKey: not this partner's")
    raw = raw_string(kind, {**fields, "accessKey": access_key})
    if not same(fields.get("signature", ""), hmac_sha256_hex(merchant.secrets["secret_key"], raw.encode())):
        raise Refusal(Reason.BAD_SIGNATURE, f"signature: not that of the raw string {raw}")


def _command(kind: str, fields: Fields, merchant: Merchant) -> Command:
    order_id = fields["orderId"]
    # momo-aio-v2#idempotency: a requestId is one request's; momo-aio-v2#refund: a refund's orderId is new.
    claims = {_request_name(fields["requestId"]): Reason.TOO_SOON, _order_name(order_id): Reason.DUPLICATE_ORDER}
    if kind in ("create", "pos"):
        return Create(
            merchant=merchant,
            wire=fields,
            warnings=_remarks(kind, fields, merchant),
            claims=claims,
            order=_order(kind, fields),
            pays_with=_payer(fields["paymentCode"], merchant) if kind == "pos" else "",
            at_once=True,
            repeatable=True,
        )
    if kind == "refund":
        return RefundOrder(
            merchant=merchant,
            wire=fields,
            claims=claims,
            name=_trans_name(fields["transId"]),
            request_ref=order_id,
            amount_vnd=int(fields["amount"]),
            full=False,
            repeatable=True,
            idempotency_key=fields["requestId"],
        )
    if kind == "refund_query":
        return QueryRefund(merchant=merchant, wire=fields, name=_order_name(order_id), request_ref=order_id)
    if kind == "confirm" and fields["requestType"] == "capture":
        return Capture(merchant=merchant, wire=fields, order_key=order_id)
    if kind == "confirm":
        reason = fields.get("description") or "cancelled by the merchant"
        return CancelOrder(merchant=merchant, wire=fields, order_key=order_id, reason=reason)
    return Query(merchant=merchant, wire=fields, order_key=order_id)


def _payer(sealed: str, merchant: Merchant) -> str:
    """The account that a code shown at a till stands for. Raises Refusal."""
    try:
        code = PAYMENT_CODE.fullmatch(rsa_decrypted(merchant.secrets.get("pos_private_key", ""), sealed))
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, f"paymentCode: {error}"[:200]) from error
    if code is None:
        raise Refusal(Reason.MALFORMED, "paymentCode: no code of the app")
    return code[1].decode()


def _order(kind: str, fields: Fields) -> Order:
    kept = ("requestId", "extraData", "ipnUrl", "requestType", "autoCapture")
    wire = {**fields, "requestType": kind} if kind == "pos" else fields
    return Order(
        order_ref=fields["orderId"],
        order_key=fields["orderId"],
        amount_vnd=int(fields["amount"]),
        description=fields["orderInfo"],
        return_url=fields["redirectUrl"] if kind == "create" else "",
        channel=KINDS["create"][fields["requestType"]] if kind == "create" else Channel.MOBILE,
        locale="en" if fields.get("lang") == "en" else "vi",
        wire={name: wire[name] for name in kept if wire.get(name)},
    )


def holds(payment: Payment) -> bool:
    """momo-aio-v2#confirm: two steps, if the order asks for them and its way of paying has them."""
    wire = payment.order.wire
    return wire.get("autoCapture") == "false" and wire.get("requestType") in TWO_STEP


def _remarks(kind: str, fields: Fields, merchant: Merchant) -> tuple[str, ...]:
    """What MoMo lets pass but a connector should not count on, for the journal."""
    remarks = {
        "extraData is no base64": not _is_base64(fields.get("extraData", "")),
        "lang is neither vi nor en": fields.get("lang") not in ("vi", "en"),
        "ipnUrl is not called: this sandbox has a callback_url": merchant.callback_url
        not in ("", fields.get("ipnUrl", "")),
        "autoCapture false is for wallets and international cards": kind == "create"
        and fields.get("autoCapture") == "false"
        and fields["requestType"] not in TWO_STEP,
    }
    return tuple(remark for remark, holds in remarks.items() if holds)


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _names(payment: Payment) -> tuple[str, ...]:
    refs = (payment.order.order_ref, *(refund.request_ref for refund in payment.all_refunds))
    request_name = _request_name(payment.order.wire.get("requestId", ""))
    return (_trans_name(payment.bank_ref), request_name, *(_order_name(ref) for ref in refs))


def _trans_name(trans_id: str) -> str:
    return f"trans:{trans_id}"


def _order_name(order_id: str) -> str:
    """Of an order or of a refund: they are numbered alike."""
    return f"order:{order_id}"


def _request_name(request_id: str) -> str:
    return f"request:{request_id}"


def _judge(command: Command, payment: Payment | None, now: datetime) -> None:
    """momo-aio-v2#idempotency: the same request before its end is 40; another one for the same order 41."""
    if payment is None:
        return
    asked, refused = command.wire, partial(Refusal, merchant=command.merchant, wire=dict(command.wire))
    same_request = payment.order.wire.get("requestId") == asked["requestId"]
    if isinstance(command, Create) and same_request and result_code(payment) not in FINAL:
        raise refused(Reason.TOO_SOON, "requestId: used before")
    if isinstance(command, RefundOrder):
        made = [each for each in payment.all_refunds if each.idempotency_key != command.idempotency_key]
        if command.request_ref in {payment.order.order_ref, *(refund.request_ref for refund in made)}:
            raise refused(Reason.DUPLICATE_ORDER, "orderId: used before")
        if payment.order.wire.get("requestType") == "payWithATM" and command.amount_vnd < ATM_REFUND_MIN_VND:
            raise refused(Reason.INVALID_AMOUNT, f"amount: less than {ATM_REFUND_MIN_VND} to a domestic card")
    if asked.get("requestType") in KINDS["confirm"] and int(asked.get("amount", "0")) != payment.amount_vnd:
        raise refused(Reason.INVALID_AMOUNT, f"amount: the order is of {payment.amount_vnd}")


def _encode(kind: str, request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(result, Refusal):
        return _refused(kind, command.wire if command else result.wire, result)
    assert command is not None, "only a refusal may lack its command"
    assert result.payment is not None, "every reply is about a payment"
    code, fields = _answered(kind, command, result, result.payment)
    head = {name: command.wire[name] for name in ("partnerCode", "requestId", "orderId")}
    said = {"resultCode": code, "message": MESSAGES[code], "responseTime": _milliseconds(result.now)}
    return json_response({**head, **fields, **said})


def _answered(kind: str, command: Command, reply: Reply, payment: Payment) -> tuple[int, dict[str, object]]:
    """The resultCode, and the fields of that kind of answer."""
    told = {"amount": payment.amount_vnd, "transId": _number(payment.bank_ref)}
    if kind == "create":
        deep = {"deeplink": f"momo://?action=payWithApp&sid={payment.payment_id}"}
        # momo-aio-v2#create: 0 is that the order was made.
        urls = {"payUrl": reply.page_url, "qrCodeUrl": reply.page_url}
        return 0, {"amount": payment.amount_vnd, **urls, **(deep if payment.channel is Channel.QR else {})}
    if reply.refund is not None:
        refunded = {"amount": reply.refund.amount_vnd, "transId": _number(reply.refund.bank_ref)}
        return REFUND_CODES[reply.refund.state], refunded | (
            {"refundTrans": [_refunded(reply.refund)]} if kind == "refund_query" else {}
        )
    if kind == "pos":
        return result_code(payment), told | {"payType": _pay_type(payment)}
    if kind == "confirm":
        code = 0 if isinstance(command, CancelOrder) else result_code(payment)
        return code, told | {"requestType": command.wire["requestType"]}
    about = {"payType": _pay_type(payment), "extraData": payment.order.wire.get("extraData", "")}
    return result_code(payment), told | about | {"refundTrans": [_refunded(refund) for refund in payment.all_refunds]}


def _refunded(refund: Refund) -> dict[str, int | str]:
    return {
        "orderId": refund.request_ref,
        "amount": refund.amount_vnd,
        "resultCode": REFUND_CODES[refund.state],
        "transId": _number(refund.bank_ref),
        "createdTime": _milliseconds(refund.refunded_at),
    }


def _refused(kind: str, wire: Fields, refusal: Refusal) -> Response:
    code = REFUSALS[refusal.reason]
    if kind == "confirm" and refusal.reason is Reason.INVALID_AMOUNT:
        code = 21
    head = {name: wire.get(name, "") for name in ("partnerCode", "requestId", "orderId")}
    answer: dict[str, object] = {**head, "resultCode": code, "message": MESSAGES[code]}
    if code != 20:
        return json_response(answer)
    field, _, why = refusal.detail.partition(": ")
    return json_response({**answer, "subErrors": [{"field": field, "message": why}]}, 400)


def result_code(payment: Payment) -> int:
    withdrawn = payment.state in (State.CANCELLED, State.REVERSED) and "cancel_reason" in payment.order.wire
    if withdrawn:
        return 1017
    if payment.state is State.SUSPECTED and payment.outcome is Outcome.SUCCESS:
        return 9000  # The payer has agreed, the connector has still to capture.
    if payment.state in STATE_CODES:
        return STATE_CODES[payment.state]
    if payment.state is State.PENDING:
        return 7002 if payment.outcome is Outcome.UNKNOWN else 1000
    return FAILURE_CODES[payment.outcome or Outcome.OTHER]


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def _number(ref: str) -> int:
    return int(ref) if re.fullmatch(r"[0-9]{1,15}", ref) else 0


def _pay_type(payment: Payment) -> str:
    by_channel = CHANNEL_PAY_TYPES.get(payment.channel, "qr") if payment.channel else ""
    return PAY_TYPES.get(payment.order.wire.get("requestType", ""), by_channel)


def _result(payment: Payment, merchant: Merchant) -> dict[str, str | int]:
    """momo-aio-v2#notification: the fields of callback and return, which are signed alike."""
    order, code = payment.order, result_code(payment)
    fields: dict[str, str | int] = {
        "partnerCode": merchant.merchant_code,
        "orderId": order.order_ref,
        "requestId": order.wire.get("requestId", ""),
        "amount": payment.amount_vnd,
        "orderInfo": order.description,
        "orderType": "momo_wallet",
        "transId": _number(payment.bank_ref),
        "resultCode": code,
        "message": MESSAGES[code],
        "payType": _pay_type(payment),
        "responseTime": _milliseconds(payment.settled_at or payment.created_at),
        "extraData": order.wire.get("extraData", ""),
    }
    texts = {name: str(value) for name, value in fields.items()}
    raw = raw_string("result", {**texts, "accessKey": merchant.options.get("access_key", "")})
    return {**fields, "signature": hmac_sha256_hex(merchant.secrets["secret_key"], raw.encode())}


def _callback(notice: Notice) -> Outgoing:
    url = notice.merchant.callback_url or notice.payment.order.wire.get("ipnUrl", "")
    body = msgspec.json.encode(worded(notice, _result(notice.payment, notice.merchant)))
    return Outgoing("POST", url, (("content-type", JSON_TYPE),), body)


def _acknowledged(answer: Answer, notice: Notice) -> Ack:
    # momo-aio-v2#notification: 204 within 15 s, and a 204 has no body.
    return Ack(answer.status == 204 and not answer.body, f"HTTP {answer.status}" if answer.status else answer.error)


def _return_url(payment: Payment, merchant: Merchant) -> str:
    fields = {name: str(value) for name, value in _result(payment, merchant).items()}
    return form.added(payment.order.return_url, form.written(fields)) if payment.order.return_url else ""


def _bank_ref(rng: Random, now: datetime) -> str:
    return str(rng.randrange(4 * 10**9, 10**10))


ASSUMPTIONS = (
    (
        "ipn-url",
        "ipnUrl is called, unless the sandbox sets a callback_url",
        "a test may live elsewhere",
        "callback_url",
    ),
    ("retries", "a notification is sent once", "no schedule is public; an integrator saw exactly one", "retries"),
    ("http-status", "400 for resultCode 20, else 200, in refusals without responseTime", "only 400 is reported", ""),
    ("request-id", "of creates and refunds, used once for ever; queries and confirms may repeat theirs", "31 days", ""),
    ("repeated", "the same request after its end has the same answer, a create 0 and payUrl", "an example is all", ""),
    ("in-flight", "a request sent twice at once is answered as one after the other", "no 422 or 7000 is needed", ""),
    ("refund-order-id", "41 where any order or refund of the merchant has it", "it must be new, scope untold", ""),
    ("refund-state", "7002 while pending, 1080 refused, in every answer about it", "codes known, use ours", ""),
    ("refund", "done at once; above the payment 22, above its rest 1081, unpaid 1088", "codes known, use ours", ""),
    ("refund-query", "by the refund's orderId; answers its amount and refundTrans", "clients differ in detail", ""),
    ("confirm", "capture of what is not held tells the state; cancel also withdraws the unpaid", "untold", ""),
    ("two-step", "held without end, told by 9000 and again by 0 or 1017", "when a hold ends is not public", ""),
    ("suspected", "a payment held for a fraud check is notified with 7000", "no such notification is known", ""),
    ("cancelled", "1006 by the payer, 1017 by the merchant; expired 1005; reversed 99", "1003 is never sent", ""),
    ("pos-code", "the last 12 of the code's 18 digits are the test account", "MoMo's codes mean nothing", ""),
    ("pos-key", "the code is sealed with pos_public_key, RSA PKCS#1 v1.5; MoMo holds the other half", "clients", ""),
    ("pos-answer", "transId and payType qr; refusals of the payer's account by the table", "fields untold", ""),
    ("never-sent", "12, 45, 98, 1003, 1026, 1080, 2019, 4002 and 8000", "no cause of theirs is simulated", ""),
    ("outcomes", "failures told by the nearest documented code, the words ours", "no table of causes", ""),
    ("trans-id", "10 digits, also for what was not paid", "samples show it for paid ones", ""),
    ("qr-code", "qrCodeUrl is the page's address; the deep link opens nothing", "MoMo's app is not simulated", ""),
    ("access-key", "need not be sent; a wrong one is 13", "samples and documents differ", ""),
    ("expiry", "15 min to pay", "about 15 min is reported", ""),
    ("extra-data", "other than base64, or another lang than vi and en, is only noted", "no refusal is known", ""),
)

DIALECT = Dialect(
    code="momo",
    name="MoMo AIO v2",
    shape=Shape.SERVER_CREATE,
    channels=(Channel.QR, Channel.MOBILE, Channel.CARD, Channel.INTERNET_BANKING),
    endpoints=tuple(
        Endpoint(
            operation=operation,
            method="POST",
            path=f"/v2/gateway/api/{path}",
            decode=partial(_decode, kind),
            encode=partial(_encode, kind),
        )
        for operation, path, kind in (
            ("create", "create", "create"),
            ("create", "pos", "pos"),
            ("query", "query", "query"),
            ("refund", "refund", "refund"),
            ("query_refund", "refund/query", "refund_query"),
            ("cancel", "confirm", "confirm"),
        )
    ),
    callback=_callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.UNKNOWN}),
    acknowledged=_acknowledged,
    retry=Retry(delays_s=(), timeout_s=15),  # momo-aio-v2#notification, momo-samples#30
    tells_refunds=frozenset(RefundState),
    announces=frozenset({State.PAID, State.FAILED, State.CANCELLED, State.EXPIRED, State.REVERSED, State.SUSPECTED}),
    return_url=_return_url,
    secrets=("secret_key",),
    bank_ref=_bank_ref,
    names=_names,
    judge=_judge,
    holds=holds,
    sources=("momo-aio-v2", "momo-samples", "momo-clients"),
    assumptions=assumed("momo", ASSUMPTIONS),
)
