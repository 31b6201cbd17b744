"""The payment gateway of a city at VietinBank (profile Đà Nẵng): account, ATM card, credit card, QR, cash at a counter.

Rule: no document of this gateway is public, so all of it is this project's own design in VietinBank's manner: flat
JSON of texts, SHA256withRSA over the values that are not empty, one after another, codes of its bill collection.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import urlencode

import msgspec

from simulator.clock import compact, parse_compact
from simulator.dialect import (
    Ack,
    Assumption,
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
    worded,
)
from simulator.form import added
from simulator.outbox import Retry
from simulator.payment import COLLECTED, Channel, Merchant, Order, Outcome, Payment, Reason, RefundState, Refusal, State
from simulator.signing import rsa_sha256_sign, rsa_sha256_verify, sha256_hex
from simulator.wire import JSON_TYPE, Answer, Outgoing, Request, Response, json_object, json_response

Fields = dict[str, str]

# vietinbank-dn-design#messages: what each request signs, in that order; these are all of its fields.
CREATE_SIGNED = (
    "requestId+merchantId+orderId+amount+currencyCode+payMethod+billCode+custName+remark+returnUrl+transTime"
    "+expireTime+clientIP+language"
)
QUERY_SIGNED = "requestId+merchantId+orderId+transTime"
REFUND_SIGNED = "requestId+merchantId+orderId+amount+remark+transTime"
ACK_SIGNED = "transId+errorCode+errorDesc"
LENGTHS = {
    **{"requestId": 50, "merchantId": 15, "orderId": 50, "amount": 15, "currencyCode": 5, "payMethod": 10},
    **{"billCode": 50, "custName": 200, "remark": 200, "returnUrl": 500, "transTime": 14, "expireTime": 14},
    **{"clientIP": 45, "language": 2, "signature": 4000, "transId": 50, "errorCode": 5, "errorDesc": 250},
}
NEEDED = ("requestId", "merchantId", "orderId", "transTime")

# vietinbank-dn-design#pay-methods: "" leaves the choice to the payer.
METHODS = {
    "": None,
    "ACCOUNT": Channel.INTERNET_BANKING,
    "ATM": Channel.CARD,
    "CREDIT": Channel.CARD,
    "QR": Channel.QR,
    "CASH": Channel.COUNTER,
}
CASH_DAYS = 3
"""How long a pay code is good at the counter if the order does not say."""

# vietinbank-dn-design#codes: 00, 01, 02, 03, 05 and 99 mean what they mean in bill collection.
TEXTS = {
    "00": "Thành công",
    "01": "Chữ ký số không hợp lệ",
    "02": "Không tìm thấy đơn vị hoặc giao dịch",
    "03": "Trạng thái giao dịch không cho phép",
    "04": "Số tiền hoặc loại tiền không hợp lệ",
    "05": "Trùng mã giao dịch",
    "06": "Yêu cầu hoàn tiền đang được xử lý",
    "07": "Trùng mã yêu cầu",
    "08": "Ngân hàng đang bảo trì",
    "09": "Sai định dạng thông điệp",
    "10": "Giao dịch đã hết hạn",
    "11": "Địa chỉ trả về chưa đăng ký",
    "12": "Số tiền hoàn vượt số tiền đã thanh toán",
    "13": "Ngân hàng từ chối hoàn tiền",
    "99": "Lỗi không xác định",
}
_REFUSED = {
    "01": (Reason.BAD_SIGNATURE,),
    "02": (Reason.UNKNOWN_MERCHANT, Reason.UNKNOWN_ORDER),
    "03": (Reason.NOT_PAID, Reason.ALREADY_PAID, Reason.FULL_REFUND_AFTER_PART, Reason.ONLY_PART_REFUND),
    "04": (Reason.INVALID_AMOUNT, Reason.INVALID_CURRENCY),
    "05": (Reason.DUPLICATE_ORDER,),
    "07": (Reason.TOO_SOON,),
    "08": (Reason.MAINTENANCE,),
    "09": (Reason.MALFORMED, Reason.UNKNOWN_COMMAND),
    "10": (Reason.EXPIRED,),
    "11": (Reason.RETURN_URL_NOT_REGISTERED,),
    "12": (Reason.REFUND_ABOVE_PAYMENT, Reason.REFUNDS_ABOVE_PAYMENT),
    "13": (Reason.REFUND_REFUSED,),
}
REFUND_CODES = {RefundState.MADE: "00", RefundState.PENDING: "06", RefundState.REFUSED: "13"}
REFUSALS = {reason: code for code, reasons in _REFUSED.items() for reason in reasons}
# What only a request with a true signature is refused for.
_PROVED = frozenset({Reason.INVALID_AMOUNT, Reason.INVALID_CURRENCY, Reason.EXPIRED})

# vietinbank-dn-design#trans-status
STATUSES = {
    State.PAID: "00",
    State.PENDING: "01",
    State.FAILED: "02",
    State.CANCELLED: "03",
    State.EXPIRED: "04",
    State.REVERSED: "05",
    State.PARTLY_REFUNDED: "06",
    State.REFUNDED: "07",
    State.SUSPECTED: "08",
}
# vietinbank-dn-design#response-code: why a payment was not made, in ISO 8583's numbers; 99 for all else.
OUTCOMES = {
    Outcome.SUCCESS: "00",
    Outcome.WRONG_DETAILS: "14",
    Outcome.CANCELLED: "24",
    Outcome.INSUFFICIENT_FUNDS: "51",
    Outcome.WRONG_PASSWORD: "55",
    Outcome.NOT_REGISTERED: "57",
    Outcome.SUSPECTED_FRAUD: "59",
    Outcome.OVER_LIMIT: "61",
    Outcome.ACCOUNT_LOCKED: "62",
    Outcome.TIMED_OUT: "68",
    Outcome.WRONG_OTP: "75",
    Outcome.MAINTENANCE: "91",
}


def string_to_sign(fields: Mapping[str, str], signed: str) -> bytes:
    """The values one after another; an absent or empty one leaves no trace."""
    return "".join(fields.get(name, "") for name in signed.split("+")).encode()


def _sealed(fields: Fields, merchant: Merchant) -> Fields:
    """A message of the bank: what is not empty, signed in its own order."""
    told = {name: value for name, value in fields.items() if value}
    return {**told, "signature": rsa_sha256_sign(merchant.secrets["bank_private_key"], "".join(told.values()).encode())}


def _truly_signed(fields: Fields, signed: str, merchant: Merchant) -> bool:
    text, signature = string_to_sign(fields, signed), fields.get("signature", "")
    try:
        return rsa_sha256_verify(merchant.secrets["portal_public_key"], text, signature)
    except ValueError:  # The portal has given the bank no RSA key.
        return False


def _texts(body: Mapping[str, object], signed: str) -> Fields:
    """The named fields as texts, "" for those that are not there. Raises ValueError."""
    found: Fields = {}
    for name in (*signed.split("+"), "signature"):
        value = body.get(name)
        value = "" if value is None else value
        if not isinstance(value, str) and (type(value) is not int or not 0 <= value < 10**15):
            raise ValueError(f"{name} must be a text")
        found[name] = str(value)
        if "\x00" in found[name] or len(found[name]) > LENGTHS[name]:
            raise ValueError(f"{name} must have at most {LENGTHS[name]} characters and no NUL")
    return found


def _opened(signed: str, request: Request, merchants: Merchants) -> tuple[Fields, Merchant]:
    """(the request's fields, who signed them). Raises Refusal."""
    try:
        wire = _texts(json_object(request.body), signed)
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error
    merchant = merchants(wire["merchantId"])
    refused = partial(Refusal, merchant=merchant, wire=wire)
    empty = [name for name in NEEDED if not wire[name]]
    if empty:
        raise refused(Reason.MALFORMED, f"{', '.join(empty)} may not be empty")
    for name in ("transTime", "expireTime"):
        try:
            parse_compact(wire.get(name) or wire["transTime"])
        except ValueError as error:
            raise refused(Reason.MALFORMED, f"{name} {error}") from error
    if wire.get("payMethod", "") not in METHODS:
        raise refused(Reason.MALFORMED, f"payMethod {wire['payMethod']!r}")
    if wire.get("returnUrl") and not re.match(r"https?://[!-~]+\Z", wire["returnUrl"]):
        raise refused(Reason.MALFORMED, "returnUrl is no http address")
    if merchant is None:
        raise refused(Reason.UNKNOWN_MERCHANT, wire["merchantId"])
    if not _truly_signed(wire, signed, merchant):
        raise refused(Reason.BAD_SIGNATURE, "signature")
    if not re.fullmatch(r"[1-9][0-9]{0,14}", wire.get("amount", "1")):
        raise refused(Reason.INVALID_AMOUNT, f"amount {wire['amount']!r}")
    if wire.get("currencyCode", "") not in ("", "VND"):
        raise refused(Reason.INVALID_CURRENCY, wire["currencyCode"])
    return wire, merchant


def decode_create(request: Request, merchants: Merchants) -> Create:
    wire, merchant = _opened(CREATE_SIGNED, request, merchants)
    ordered_at = parse_compact(wire["transTime"])
    order = Order(
        order_ref=wire["orderId"],
        order_key=wire["orderId"],
        amount_vnd=int(wire["amount"]),
        description=wire["remark"] or wire["billCode"],
        ordered_at=ordered_at,
        expires_at=_expiry(wire, ordered_at, merchant),
        return_url=wire["returnUrl"],
        channel=METHODS[wire["payMethod"]],
        issuer_code="VIETINBANK" if wire["payMethod"] == "ACCOUNT" else "",
        locale="en" if wire["language"].lower() == "en" else "vi",
        client_ip=wire["clientIP"],
        wire={name: wire[name] for name in ("billCode", "payMethod") if wire[name]},
    )
    return Create(merchant=merchant, wire=wire, order=order)


def _expiry(wire: Fields, ordered_at: datetime, merchant: Merchant) -> datetime | None:
    """None leaves it to the page's own life. Raises Refusal for an order that expires before it was made."""
    if not wire["expireTime"]:
        return _later(ordered_at) if wire["payMethod"] == "CASH" else None
    expires_at = parse_compact(wire["expireTime"])
    if expires_at <= ordered_at:
        raise Refusal(Reason.EXPIRED, "expireTime is not after transTime", merchant=merchant, wire=wire)
    return expires_at


def _later(ordered_at: datetime) -> datetime | None:
    try:
        return ordered_at + timedelta(days=CASH_DAYS)
    except OverflowError:  # An order of the year 9999.
        return None


def decode_query(request: Request, merchants: Merchants) -> Query:
    wire, merchant = _opened(QUERY_SIGNED, request, merchants)
    return Query(merchant=merchant, wire=wire, order_key=wire["orderId"], request_ref=wire["requestId"])


def decode_refund(request: Request, merchants: Merchants) -> RefundOrder:
    wire, merchant = _opened(REFUND_SIGNED, request, merchants)
    return RefundOrder(
        merchant=merchant,
        wire=wire,
        order_key=wire["orderId"],
        request_ref=wire["requestId"],
        amount_vnd=int(wire["amount"]),
        full=False,
        repeatable=True,
    )


def encode(
    accepted: Callable[[Reply, Payment], Fields], request: Request, command: Command | None, result: Reply | Refusal
) -> Response:
    """`accepted` are the fields that a good answer has beyond the usual ones. Refusals are HTTP 200 as well."""
    if isinstance(result, Refusal):
        return _refused(command, result)
    assert command is not None, "only what was understood is replied to"
    assert result.payment is not None, "every reply of this bank is about a payment"
    code = REFUND_CODES[result.refund.state] if result.refund else "00"
    return json_response(_sealed(_head(code, command.wire) | accepted(result, result.payment), command.merchant))


def _refused(command: Command | None, refusal: Refusal) -> Response:
    """Signed only for who has proved himself: else anybody could have an answer of choice signed."""
    merchant, wire = (command.merchant, command.wire) if command else (refusal.merchant, refusal.wire)
    head = _head(REFUSALS.get(refusal.reason, "99"), wire)
    if merchant is None or (command is None and refusal.reason not in _PROVED):
        return json_response({**head, "signature": ""})
    return json_response(_sealed(head, merchant))


def _head(code: str, wire: Mapping[str, str]) -> Fields:
    echoed = {name: wire.get(name, "") for name in ("requestId", "merchantId", "orderId")}
    return {**echoed, "errorCode": code, "errorDesc": TEXTS[code]}


def _created(reply: Reply, payment: Payment) -> Fields:
    """A payer with cash needs no page but the code that the teller asks for."""
    cash = payment.order.channel is Channel.COUNTER
    expires_at = compact(payment.order.expires_at) if payment.order.expires_at else ""
    return {"payUrl": reply.page_url, "payCode": payment.bank_ref if cash else "", "expireTime": expires_at}


def _queried(reply: Reply, payment: Payment) -> Fields:
    return _told(payment)


def _refunded(reply: Reply, payment: Payment) -> Fields:
    done = (
        {"refundTransId": reply.refund.bank_ref, "refundAmount": str(reply.refund.amount_vnd)} if reply.refund else {}
    )
    return {**_told(payment), **done}


def _told(payment: Payment) -> Fields:
    """How a payment stands: the same fields in an answer, a notice and the payer's return."""
    method = pay_method(payment)
    settled_at = compact(payment.settled_at) if payment.settled_at else ""
    return {
        "amount": str(payment.amount_vnd),
        "currencyCode": "VND",
        "payMethod": method,
        "billCode": payment.order.wire.get("billCode", ""),
        "transStatus": STATUSES[payment.state],
        "responseCode": _response_code(payment),
        "transTime": settled_at,
        # vietinbank-dn-design#cash: as in bill collection, cash has no number at the bank.
        "bankTransId": "" if method == "CASH" or not settled_at else payment.bank_ref,
        "refundedAmount": str(payment.refunded_vnd) if payment.refunds else "",
    }


def pay_method(payment: Payment) -> str:
    """How it was paid, or is to be paid; "" while the payer has not chosen."""
    channel = payment.channel or payment.order.channel
    if channel is Channel.CARD:
        asked = payment.order.wire.get("payMethod", "ATM")
        return ("ATM" if payment.payer_account.startswith("9704") else "CREDIT") if payment.payer_account else asked
    return next((method for method, each in METHODS.items() if each is channel), "") if channel else ""


def _response_code(payment: Payment) -> str:
    if payment.state in COLLECTED:
        return "00"
    if payment.state is State.PENDING:
        return ""
    code = OUTCOMES.get(payment.outcome or Outcome.OTHER, "99")
    return "99" if code == "00" else code


def callback(notice: Notice) -> Outgoing:
    payment, merchant = notice.payment, notice.merchant
    ids = {"transId": _trans_id(payment), "merchantId": merchant.merchant_code, "orderId": payment.order.order_ref}
    usual = ids | _told(payment)
    told = worded(
        notice,
        usual,
        currency={"currencyCode": "USD"},
        second={"transStatus": STATUSES[notice.second.state]},
        # vietinbank-dn-design#empty
        optional=("billCode", "bankTransId"),
    )
    unknown = {name: text for name, text in told.items() if name not in usual}
    sealed = _sealed({name: text for name, text in told.items() if name in usual}, merchant)
    body = msgspec.json.encode(sealed | unknown)
    return Outgoing("POST", merchant.callback_url, (("content-type", JSON_TYPE),), body)


def _trans_id(payment: Payment) -> str:
    """20 digits, the same for every attempt at telling this state."""
    return f"{int(sha256_hex(f'{payment.payment_id}|{payment.state}'.encode())[:16], 16):020}"


def acknowledged(answer: Answer, notice: Notice) -> Ack:
    """Done only by 00 or 05 that the portal signed for this very notice."""
    if answer.status != 200:
        return Ack(False, answer.error or f"HTTP {answer.status}")
    try:
        fields = _texts(json_object(answer.body), ACK_SIGNED)
    except ValueError as error:
        return Ack(False, str(error)[:200])
    code = fields["errorCode"]
    if fields["transId"] != _trans_id(notice.payment):
        return Ack(False, f"errorCode {code} for another transId")
    if not _truly_signed(fields, ACK_SIGNED, notice.merchant):
        return Ack(False, f"errorCode {code} with a wrong signature")
    return Ack(code in ("00", "05"), f"errorCode {code}")


def return_url(payment: Payment, merchant: Merchant) -> str:
    """Back to the order's returnUrl, else to the merchant's own; "" if there is neither."""
    page = payment.order.return_url or merchant.options.get("return_url", "")
    fields = {"merchantId": merchant.merchant_code, "orderId": payment.order.order_ref} | _told(payment)
    return added(page, urlencode(_sealed(fields, merchant))) if page else ""


ASSUMPTIONS = (
    ("all", "every message, field, code and rule of this gateway", "this gateway has no public document or client", ""),
    ("shape", "the portal calls /payment/create, then sends the browser to payUrl", "amounts stay out of browsers", ""),
    ("messages", "create, query and refund by POST; flat JSON of texts", "as VietinBank's notification API", ""),
    ("signature", "SHA256withRSA over values in the order of the fields", "as VietinBank's notification API", ""),
    ("empty", "empty fields are neither sent nor signed", "as VietinBank's notification API", ""),
    ("codes", "00, 01, 02, 03, 05, 99 of bill collection; 04 and 07 to 12 are new", "one family of codes", ""),
    ("trans-status", "00 paid, 01 open, 02 failed, 03 cancelled, 04 expired, 05 reversed, 06 and 07 refunded in part "
     "and whole, 08 held", "a query must tell more than an error code", ""),
    ("response-code", "ISO 8583's numbers, 24 cancelled by the payer, 99 for all else", "card networks' numbers", ""),
    ("pay-methods", "ACCOUNT, ATM, CREDIT, QR, CASH; empty leaves the choice to the payer", "the city takes these", ""),
    ("cash", "a payCode for the teller, good for 3 days; no bankTransId", "bill collection has none for cash", ""),
    ("card-kind", "9704 is ATM, all else CREDIT", "domestic cards begin so", ""),
    ("duplicates", "an orderId is used once (05), a requestId once for a query or refund (07)", "retries are safe", ""),
    ("refunds", "in parts, up to the payment; 06 while the bank looks at it, 13 if it refuses; the same request again "
     "is answered as it stands, another one with its number is 07", "a city gives back single fees", ""),
    ("announced", "paid, failed, cancelled, expired, reversed", "a portal must not wait for what ended", ""),
    ("retries", "after 1, 2, 5, 10 and 30 min; 30 s for an answer", "as chosen for bill collection", "retries"),
    ("acknowledgement", "HTTP 200, 00 or 05, signed for the transId", "as in bill collection", ""),
    ("return", "the query's fields, signed, to returnUrl or the merchant's own", "none is told", "options.return_url"),
    ("unsigned-refusal", "signature is empty before the caller has proved itself", "no oracle for signatures", ""),
    ("page-life", "15 min to pay online unless expireTime says else", "as other gateways", ""),
    ("lengths", "those of VietinBank's notices; 50 for orderId and billCode", "a dossier code has up to 47", ""),
)  # fmt: skip

DIALECT = Dialect(
    code="vietinbank_dn",
    name="Cổng thanh toán thành phố Đà Nẵng tại VietinBank (thiết kế riêng)",
    shape=Shape.SERVER_CREATE,
    channels=(Channel.INTERNET_BANKING, Channel.CARD, Channel.QR, Channel.COUNTER),
    endpoints=tuple(
        Endpoint(
            operation=operation,
            method="POST",
            path=f"/payment/{operation}",
            decode=decode,
            encode=partial(encode, accepted),
        )
        for operation, decode, accepted in (
            ("create", decode_create, _created),
            ("query", decode_query, _queried),
            ("refund", decode_refund, _refunded),
        )
    ),
    callback=callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.CURRENCY, Part.SECOND_STATUS, Part.OPTIONAL, Part.UNKNOWN}),
    acknowledged=acknowledged,
    retry=Retry(delays_s=(60, 120, 300, 600, 1800), timeout_s=30),
    announces=frozenset({State.PAID, State.FAILED, State.CANCELLED, State.EXPIRED, State.REVERSED}),
    tells_refunds=frozenset(RefundState),
    return_url=return_url,
    secrets=("bank_private_key", "portal_public_key"),
    sources=("vietinbank-dn-design",),
    assumptions=tuple(
        Assumption(key=f"vietinbank_dn.{key}", value=value, why=f"own design, no source: {why}", setting=setting)
        for key, value, why, setting in ASSUMPTIONS
    ),
)
