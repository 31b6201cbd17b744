"""Vietcombank's e-commerce payment for Quảng Ninh, as this project designed it: no public source tells the real one.

The payer is redirected to the bank, logs in (a captcha belongs to that page, not here) and gives an OTP, or scans a QR
code, uses a card or a POS terminal. The messages are in the style of Vietcombank's others.

Rule: every message is signed whole, by HMAC-SHA256 over its kind and its values joined by "|", which no value contains.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from random import Random
from urllib.parse import urlencode

import msgspec

from simulator import form
from simulator.banks.vietcombank import texts, written
from simulator.clock import VIETNAM
from simulator.dialect import (
    Ack,
    Command,
    Create,
    Dialect,
    Endpoint,
    ErrorPage,
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
from simulator.payment import COLLECTED, Channel, Merchant, Order, Outcome, Payment, Reason, RefundState, Refusal, State
from simulator.signing import hmac_sha256_hex, same, sha256_hex
from simulator.wire import (
    JSON_TYPE,
    Answer,
    Outgoing,
    Request,
    Response,
    is_web_address,
    json_object,
    json_response,
    redirect,
)

Texts = dict[str, str]

CHANNEL_ID = "6014"
ISSUER = "VIETCOMBANK"


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# vcb-qn-design#signatures: what is read is signed in this order, absent values as empty; what is sent, as it is sent.
PAY = _names(
    "providerId orderId amount currency description requestDateTime expireDateTime channel language clientIp returnUrl"
)
ASKS = _names("channelId channelRefNumber requestDateTime")
ANSWERS = _names("channelId channelRefNumber responseMsgId status errorCode")
PAYLOADS = {
    "QUERY": _names("providerId orderId"),
    "REFUND": _names("providerId orderId refundId amount description"),
}
OPTIONAL = frozenset({"expireDateTime", "channel", "language", "clientIp"})
_TEXT = r"[^|\x00-\x1f\x7f]"
_TIME = r"[0-9]{2}-[0-9]{2}-[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}"
FORMS = {
    name: re.compile(pattern)
    for name, pattern in {
        "providerId": r"[A-Za-z0-9_-]{1,20}",
        "orderId": r"[A-Za-z0-9._/-]{1,50}",
        "refundId": r"[A-Za-z0-9._/-]{1,50}",
        "amount": r"[0-9]{1,15}",
        "currency": r"[A-Z]{3}",
        "description": f"{_TEXT}{{1,200}}",
        "requestDateTime": _TIME,
        "expireDateTime": _TIME,
        "channel": r"IB|QR|CARD|POS",
        "language": r"vi|en",
        "clientIp": r"[0-9A-Fa-f.:]{2,45}",
        "returnUrl": f"{_TEXT}{{10,255}}",
        "channelId": f"{_TEXT}{{1,20}}",
        "channelRefNumber": f"{_TEXT}{{1,50}}",
    }.items()
}
CHANNELS = {"IB": Channel.INTERNET_BANKING, "QR": Channel.QR, "CARD": Channel.CARD, "POS": Channel.POS}
CHANNEL_NAMES = {channel: name for name, channel in CHANNELS.items()}

STATUSES = {
    State.PENDING: "PENDING",
    **dict.fromkeys(COLLECTED, "SUCCESS"),
    State.FAILED: "FAILURE",
    State.CANCELLED: "CANCELLED",
    State.EXPIRED: "EXPIRED",
    State.SUSPECTED: "SUSPECTED",
    State.REVERSED: "REVERSED",
}
# vcb-app-codes: what the numbers mean; 105 stands for every wrong account, 101 for all that has no number of its own.
RESULT_CODES = dict.fromkeys(Outcome, "101") | {
    Outcome.SUCCESS: "0",
    Outcome.NOT_REGISTERED: "128",
    Outcome.WRONG_DETAILS: "105",
    Outcome.TIMED_OUT: "100",
    Outcome.ACCOUNT_LOCKED: "105",
    Outcome.WRONG_OTP: "114",
    Outcome.INSUFFICIENT_FUNDS: "106",
    Outcome.OVER_LIMIT: "104",
    Outcome.MAINTENANCE: "123",
    Outcome.UNKNOWN: "100",
}
# vcb-bill-university#codes up to 21 and 400, vcb-app-codes the others.
REFUSALS = dict.fromkeys(Reason, "400") | {
    Reason.MALFORMED: "10",
    Reason.UNKNOWN_COMMAND: "10",
    Reason.UNKNOWN_MERCHANT: "21",
    Reason.BAD_SIGNATURE: "18",
    Reason.RETURN_URL_NOT_REGISTERED: "21",
    Reason.INVALID_AMOUNT: "3",
    Reason.INVALID_CURRENCY: "21",
    Reason.MAINTENANCE: "123",
    Reason.EXPIRED: "20",
    Reason.DUPLICATE_ORDER: "121",
    Reason.UNKNOWN_ORDER: "17",
    Reason.TOO_SOON: "121",
    Reason.NOT_PAID: "101",
    Reason.REFUND_ABOVE_PAYMENT: "3",
    Reason.REFUNDS_ABOVE_PAYMENT: "3",
    Reason.REFUND_REFUSED: "101",
    Reason.ALREADY_PAID: "1",
    Reason.WRONG_PAYER: "105",
    Reason.TIMED_OUT: "100",
}
# A refund's state in the codes of payments: 100 is not known yet, 101 was not successful.
REFUND_CODES = {RefundState.MADE: "0", RefundState.PENDING: "100", RefundState.REFUSED: "101"}
ERROR_TEXTS = {
    "1": ("Đơn hàng đã được thanh toán.", "The order has been paid."),
    "3": ("Số tiền không hợp lệ.", "The amount is not valid."),
    "10": ("Thiếu tham số hoặc tham số sai định dạng.", "A parameter is missing or not in the right format."),
    "17": ("Không tìm thấy đơn hàng.", "The order was not found."),
    "18": ("Chữ ký không hợp lệ.", "The signature is wrong."),
    "20": ("Đơn hàng đã quá thời hạn thanh toán.", "The time to pay has run out."),
    "21": ("Thông tin đơn vị không hợp lệ.", "The details of the provider are not valid."),
    "100": ("Hệ thống xử lý quá thời gian.", "The system took too long."),
    "101": ("Giao dịch không thành công.", "The transaction was not successful."),
    "105": ("Tài khoản không hợp lệ.", "The account is not valid."),
    "121": ("Giao dịch đã tồn tại.", "This transaction already exists."),
    "123": ("Hệ thống đang bảo trì.", "The system is under maintenance."),
    "400": ("Có lỗi xảy ra trong quá trình xử lý.", "An error occurred while processing."),
}
SETTLED_CODES = frozenset({"0", "1"})


def signature(secret: str, kind: str, values: Iterable[str]) -> str:
    """64 lower-case hex digits; `kind` is PAY, RETURN, PAYMENT, QUERY, REFUND or one of these with _ANSWER."""
    return hmac_sha256_hex(secret, "|".join((kind, *values)).encode("utf-8", "surrogatepass"))


def decode_pay(request: Request, merchants: Merchants) -> Create:
    try:
        fields = form.fields(form.pieces(request.query))
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error
    wire = {name: fields.get(name, "") for name in PAY}
    merchant = _sender("PAY", wire, fields.get("signature", ""), merchants)
    if not is_web_address(wire["returnUrl"]):
        raise Refusal(Reason.MALFORMED, "returnUrl is no http or https address", merchant=merchant)
    amount_vnd = _dong(wire, merchant)
    if wire["currency"] != "VND":
        raise Refusal(Reason.INVALID_CURRENCY, wire["currency"], merchant=merchant)
    channel = CHANNELS.get(wire["channel"])
    order = Order(
        order_ref=wire["orderId"],
        order_key=wire["orderId"],
        amount_vnd=amount_vnd,
        description=wire["description"],
        ordered_at=_instant(wire["requestDateTime"]),
        expires_at=_instant(wire["expireDateTime"]) if wire["expireDateTime"] else None,
        return_url=wire["returnUrl"],
        channel=channel,
        issuer_code=ISSUER if channel is Channel.INTERNET_BANKING else "",
        locale=wire["language"] or "vi",
        client_ip=wire["clientIp"],
    )
    return Create(merchant=merchant, wire=wire, order=order)


def decode_query(request: Request, merchants: Merchants) -> Query:
    wire, merchant = _opened("QUERY", request, merchants)
    return Query(merchant=merchant, wire=wire, order_key=wire["orderId"], request_ref=wire["channelRefNumber"])


def decode_refund(request: Request, merchants: Merchants) -> RefundOrder:
    wire, merchant = _opened("REFUND", request, merchants)
    return RefundOrder(
        merchant=merchant,
        wire=wire,
        order_key=wire["orderId"],
        request_ref=wire["refundId"],
        amount_vnd=_dong(wire, merchant),
        full=False,
        repeatable=True,
    )


def _opened(kind: str, request: Request, merchants: Merchants) -> tuple[Texts, Merchant]:
    """(the signed values by name, who signed them). Raises Refusal."""
    try:
        body = json_object(request.body)
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error
    context, payload = texts(body.get("context")), texts(body.get("payload"))
    wire = {name: context.get(name, "") for name in ASKS} | {name: payload.get(name, "") for name in PAYLOADS[kind]}
    return wire, _sender(kind, wire, texts(body).get("signature", ""), merchants)


def _sender(kind: str, wire: Texts, given: str, merchants: Merchants) -> Merchant:
    """Who signed these values, all of them in their form. Raises Refusal; what nobody signed names no merchant."""
    for name, text in wire.items():
        if not (FORMS[name].fullmatch(text) or (text == "" and name in OPTIONAL)):
            raise Refusal(Reason.MALFORMED, f"{name} {text[:40]!r}", wire=_echo(wire))
        if name.endswith("DateTime") and text:
            _instant(text, _echo(wire))
    merchant = merchants(wire["providerId"])
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, wire["providerId"], wire=_echo(wire))
    if not same(given.lower(), signature(merchant.secrets["secret"], kind, wire.values())):
        raise Refusal(Reason.BAD_SIGNATURE, "signature", wire=_echo(wire))
    return merchant


def _echo(wire: Mapping[str, str]) -> Texts:
    """What an answer repeats, if it is in its form."""
    named = {name: wire.get(name, "") for name in ("channelId", "channelRefNumber")}
    return {name: text if FORMS[name].fullmatch(text) else "" for name, text in named.items()}


def _dong(wire: Texts, merchant: Merchant) -> int:
    amount_vnd = int(wire["amount"])
    if amount_vnd == 0:
        raise Refusal(Reason.INVALID_AMOUNT, "amount is 0", merchant=merchant, wire=_echo(wire))
    return amount_vnd


def _instant(text: str, wire: Texts | None = None) -> datetime:
    """The instant of a dd-MM-yyyy HH:mm:ss in GMT+7, its digits already looked at. Raises Refusal for no such day."""
    day, month, year, hour, minute, second = (int(part) for part in re.split(r"[- :]", text))
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=VIETNAM).astimezone(UTC)
    except (OverflowError, ValueError) as error:
        raise Refusal(Reason.MALFORMED, f"{text!r} is no time", wire=wire) from error


def encode_pay(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(result, Refusal):
        return redirect(f"error?errorCode={REFUSALS[result.reason]}")
    return redirect(result.page_url)


def encode_asked(kind: str, request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(result, Refusal):
        wire, merchant = (command.wire, command.merchant) if command else (result.wire, result.merchant)
        return _answered(kind, sha256_hex(request.body), wire, merchant, REFUSALS[result.reason], {})
    assert command is not None, "only a refusal may lack its command"
    assert result.payment is not None, "a query or refund is of a payment"
    payload = told(result.payment) | {"refundedAmount": str(result.payment.refunded_vnd)}
    if result.refund is not None:
        payload = {
            "providerId": payload["providerId"],
            "orderId": payload["orderId"],
            "refundId": result.refund.request_ref,
            "refundNo": result.refund.bank_ref,
            "amount": str(result.refund.amount_vnd),
            "refundedAmount": payload["refundedAmount"],
        }
    code = REFUND_CODES[result.refund.state] if result.refund else "0"
    return _answered(kind, result.reply_ref, command.wire, command.merchant, code, payload)


def _answered(
    kind: str, message_id: str, wire: Mapping[str, str], merchant: Merchant | None, code: str, payload: Texts
) -> Response:
    """Signed only if the caller was known to hold the secret: else anybody could have a message of choice signed."""
    status, text = ("SUCCESS", "Success") if code == "0" else ("FAILURE", ERROR_TEXTS[code][1])
    context = {**_echo(wire), "responseMsgId": message_id[:18], "status": status, "errorCode": code}
    values = (*context.values(), *payload.values())
    signed = signature(merchant.secrets["secret"], f"{kind}_ANSWER", values) if merchant else ""
    return json_response({"context": context | {"errorMessage": text}, "payload": payload, "signature": signed})


def told(payment: Payment) -> Texts:
    """What query, callback and return tell of a payment."""
    channel = payment.channel or payment.order.channel
    return {
        "providerId": payment.merchant_code,
        "orderId": payment.order.order_ref,
        "transactionNo": payment.bank_ref,
        "amount": str(payment.amount_vnd),
        "currency": "VND",
        "channel": CHANNEL_NAMES.get(channel, "") if channel else "",
        "bankCode": payment.issuer_code,
        "transactionTime": written(payment.settled_at or payment.created_at),
        "status": STATUSES[payment.state],
        "resultCode": "0" if payment.state in COLLECTED else _result_code(payment),
        "description": payment.order.description,
    }


def _result_code(payment: Payment) -> str:
    """A payment that is not collected never has the code of success."""
    code = RESULT_CODES[payment.outcome or Outcome.UNKNOWN]
    return "101" if code == "0" else code


def callback(notice: Notice) -> Outgoing:
    """The result, server to server. Its channelRefNumber stays in every repeat and changes with the state."""
    payment, usual = notice.payment, told(notice.payment)
    # vcb-qn-design#channels: what is not known yet may be absent, and is signed as empty.
    payload = worded(
        notice,
        usual,
        currency={"currency": "USD"},
        second={"resultCode": told(notice.second)["resultCode"]},
        optional=("channel", "bankCode"),
    )
    context = {
        "channelId": CHANNEL_ID,
        "channelRefNumber": _told_ref(payment),
        "requestDateTime": written(payment.settled_at or payment.created_at),
    }
    values = (*context.values(), *(payload.get(name, "") for name in usual))
    signed = signature(notice.merchant.secrets["secret"], "PAYMENT", values)
    body = msgspec.json.encode({"context": context, "payload": payload, "signature": signed})
    return Outgoing("POST", notice.merchant.callback_url, (("content-type", JSON_TYPE),), body)


def _told_ref(payment: Payment) -> str:
    return f"{payment.bank_ref}-{STATUSES[payment.state]}"


def return_url(payment: Payment, merchant: Merchant) -> str:
    """The payer's way back, with the result in signed parameters."""
    payload = told(payment)
    signed = signature(merchant.secrets["secret"], "RETURN", payload.values())
    return form.added(payment.order.return_url, urlencode(payload | {"signature": signed}))


def acknowledged(answer: Answer, notice: Notice) -> Ack:
    """Done only by an answer of 0 or 1 that the connector signed for this very message."""
    if answer.status != 200:
        return Ack(False, answer.error or f"HTTP {answer.status}")
    try:
        body = json_object(answer.body)
    except ValueError as error:
        return Ack(False, str(error)[:200])
    given = texts(body.get("context"))
    context = {name: given.get(name, "") for name in ANSWERS}
    text = f"errorCode {context['errorCode'][:40]}"
    expected = signature(notice.merchant.secrets["secret"], "PAYMENT_ANSWER", context.values())
    if not same(texts(body).get("signature", "").lower(), expected):
        return Ack(False, f"{text} with a wrong signature")
    if (context["channelId"], context["channelRefNumber"]) != (CHANNEL_ID, _told_ref(notice.payment)):
        return Ack(False, f"{text} for another channelRefNumber")
    contradicted = context["errorCode"] == "0" and context["status"] != "SUCCESS"
    return Ack(context["errorCode"] in SETTLED_CODES and not contradicted, text)


def _ten_digits(rng: Random, now: datetime) -> str:
    return str(rng.randrange(10**9, 10**10))


OURS = "no public source: this project's own design"
ASSUMPTIONS = (
    ("profile", "Vietcombank's messages for Quảng Ninh as a whole", OURS, ""),
    ("paths", "/ecommerce/pay, /ecommerce/query, /ecommerce/refund, /ecommerce/error", OURS, ""),
    ("envelope", "context, payload and signature, as in Vietcombank's bill collection", OURS, ""),
    ("signature", "HMAC-SHA256 over the message's kind and all its values joined by |", OURS, ""),
    ("channels", "IB, QR, CARD and POS; without one the payer chooses on the page", OURS, ""),
    ("login", "Internet B@nking asks for log-in, captcha and OTP, on the bank's pages", OURS, ""),
    ("captcha", "five letters beside the log-in, on the page alone; no message knows of it", OURS, ""),
    ("times", "dd-MM-yyyy HH:mm:ss in GMT+7, as in bill collection; requestDateTime may be of any age", OURS, ""),
    ("amount", "whole dong, 1 to 15 digits", OURS, ""),
    ("order-id", "is used once with a provider; the same unpaid request again shows the page again", OURS, ""),
    ("channel-ref", "a query's is used once; a callback's is the same in its repeats", OURS, ""),
    ("error-codes", "those of bill collection and of Vietcombank's wallet app, in a use of ours", OURS, ""),
    ("status", "of a refunded payment stays SUCCESS; refundedAmount tells the rest", OURS, ""),
    ("announced", "paid, failed, cancelled, expired, suspected, reversed", OURS, ""),
    ("acknowledgement", "a signed 0 or 1 with HTTP 200 ends the retries", OURS, ""),
    ("retries", "after 1, 5, 15, 30 and 60 min; 30 s for an answer", OURS, "retries"),
    ("refund", "in whole or in parts; refundId is used once, the same refund again is answered as it stands", OURS, ""),
    ("refund-state", "100 while the bank looks at it, 101 if it refuses, 0 once it is made", OURS, ""),
    ("unsigned-refusal", "signature is empty before the caller has proved itself", OURS, ""),
    ("error-page", "what the bank cannot show a payment for ends on its own page", OURS, ""),
    ("page-life", "15 min to pay unless the order says otherwise", OURS, ""),
)


def _endpoint(
    operation: str,
    method: str,
    decode: Callable[[Request, Merchants], Command],
    encode: Callable[[Request, Command | None, Reply | Refusal], Response],
) -> Endpoint:
    path = f"/ecommerce/{'pay' if operation == 'create' else operation}"
    return Endpoint(operation=operation, method=method, path=path, decode=decode, encode=encode)


DIALECT = Dialect(
    code="vietcombank_qn",
    name="Vietcombank Internet B@nking (Quảng Ninh, thiết kế riêng)",
    shape=Shape.REDIRECT,
    channels=(Channel.INTERNET_BANKING, Channel.QR, Channel.CARD, Channel.POS),
    endpoints=(
        _endpoint("create", "GET", decode_pay, encode_pay),
        _endpoint("query", "POST", decode_query, partial(encode_asked, "QUERY")),
        _endpoint("refund", "POST", decode_refund, partial(encode_asked, "REFUND")),
    ),
    callback=callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.CURRENCY, Part.SECOND_STATUS, Part.OPTIONAL, Part.UNKNOWN}),
    acknowledged=acknowledged,
    retry=Retry(delays_s=(60, 300, 900, 1800, 3600), timeout_s=30),
    announces=frozenset({State.PAID, State.FAILED, State.CANCELLED, State.EXPIRED, State.SUSPECTED, State.REVERSED}),
    return_url=return_url,
    secrets=("secret",),
    tells_refunds=frozenset(RefundState),
    page_life_s=900,
    bank_ref=_ten_digits,
    captcha=True,
    error_page=ErrorPage(path="/ecommerce/error", parameter="errorCode", texts=ERROR_TEXTS),
    sources=("vcb-qn-design", "vcb-app-codes"),
    assumptions=assumed("vietcombank_qn", ASSUMPTIONS),
)
