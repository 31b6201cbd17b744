"""SePay's payment gateway: a signed form that takes the payer to its page, an IPN, and calls to query, cancel, void.

Rule: the form is signed over its named fields as name=value pairs joined by commas, in the order in which they were
posted or in that of the documents; API and IPN are proved by the secret itself. Status 200 acknowledges an IPN, an
empty one too. The browser's return proves nothing.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from functools import partial
from random import Random

import msgspec

from simulator import form, qr
from simulator.cards import masked, scheme_of
from simulator.clock import VIETNAM
from simulator.dialect import (
    Ack,
    CancelOrder,
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
from simulator.payment import COLLECTED, Channel, Merchant, Order, Payment, Reason, RefundState, Refusal, State
from simulator.signing import hmac_sha256_hex, same
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

Fields = Mapping[str, str]

# sepay-gateway-form: the fields that are signed, in the documents' order; sepay-clients: Node's package knows more.
DOCUMENTED = (
    *("merchant", "operation", "payment_method", "order_amount", "currency", "order_invoice_number"),
    *("order_description", "customer_id", "success_url", "error_url", "cancel_url"),
)
SIGNED = frozenset(
    (
        *DOCUMENTED,
        *("env", "order_id", "agreement_id", "agreement_name", "agreement_type", "agreement_payment_frequency"),
        "agreement_amount_per_payment",
    )
)
# sepay-gateway-form: what must be there; lengths are not told.
FORMS = {
    "merchant": r".{1,50}",
    "operation": r"PURCHASE|VERIFY",
    "order_amount": r"[0-9]{1,15}",
    "currency": r".{1,10}",
    "order_invoice_number": r"[A-Za-z0-9_.\-]{1,100}",
    "order_description": r".{1,500}",
    "signature": r".{1,100}",
}
METHODS = {"CARD": Channel.CARD, "BANK_TRANSFER": Channel.QR, "NAPAS_BANK_TRANSFER": Channel.QR}
URLS = ("success_url", "error_url", "cancel_url")
KEPT = ("payment_method", "customer_id", "custom_data", "error_url", "cancel_url")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
USUAL_ACCOUNT = {"bin": "970415", "account": "0123499991"}
"""Where transfers go, if the merchant's options of these names are not set."""

# sepay-gateway-api: CAPTURED, CANCELLED and AUTHENTICATION_NOT_NEEDED (awaits payment) are told, the rest is assumed.
ORDER_STATUSES = {
    State.PENDING: "AUTHENTICATION_NOT_NEEDED",
    State.SUSPECTED: "AUTHENTICATION_NOT_NEEDED",
    State.PAID: "CAPTURED",
    State.PARTLY_REFUNDED: "CAPTURED",
    State.REFUNDED: "CANCELLED",
    State.REVERSED: "CANCELLED",
    State.CANCELLED: "CANCELLED",
    State.EXPIRED: "CANCELLED",
    State.FAILED: "FAILED",
}
# sepay-gateway-ipn: APPROVED is told, the rest is assumed.
TRANSACTION_STATUSES = {
    State.PAID: "APPROVED",
    State.PARTLY_REFUNDED: "APPROVED",
    State.REFUNDED: "VOIDED",
    State.REVERSED: "VOIDED",
}
VOIDED = frozenset({State.REFUNDED, State.REVERSED})
REFUSALS = {
    Reason.MALFORMED: (400, "Dữ liệu không hợp lệ"),
    Reason.UNKNOWN_COMMAND: (400, "Loại giao dịch không được hỗ trợ"),
    Reason.UNKNOWN_MERCHANT: (401, "Thông tin xác thực không hợp lệ"),
    Reason.BAD_SIGNATURE: (401, "Chữ ký không hợp lệ"),
    Reason.INVALID_AMOUNT: (400, "Số tiền không hợp lệ"),
    Reason.INVALID_CURRENCY: (400, "Chỉ hỗ trợ VND"),
    Reason.DUPLICATE_ORDER: (409, "Mã hóa đơn đã tồn tại"),
    Reason.UNKNOWN_ORDER: (404, "Không tìm thấy đơn hàng"),
    Reason.NOT_PAID: (400, "Đơn hàng chưa được thanh toán"),
    Reason.ALREADY_PAID: (400, "Đơn hàng đã được thanh toán"),
    Reason.EXPIRED: (400, "Đơn hàng đã bị hủy hoặc hết hạn"),
    Reason.REFUND_REFUSED: (400, "Ngân hàng từ chối hủy giao dịch"),
    Reason.TIMED_OUT: (400, "Giao dịch đã quá thời điểm quyết toán"),
    Reason.MAINTENANCE: (400, "Hệ thống đang bảo trì"),
}


def signature(pairs: Fields, secret_key: str) -> str:
    """Base64 of HMAC-SHA256 over name=value,name=value in the order given."""
    text = ",".join(f"{name}={value}" for name, value in pairs.items())
    return base64.b64encode(bytes.fromhex(hmac_sha256_hex(secret_key, text.encode()))).decode()


def _signed_by(fields: Fields, secret_key: str) -> str | None:
    """The remark on how the form was signed ("" = in the order posted); None = not by this key."""
    posted = {name: value for name, value in fields.items() if name in SIGNED}
    if same(fields["signature"], signature(posted, secret_key)):
        return ""
    documented = {name: fields[name] for name in DOCUMENTED if name in fields}
    if same(fields["signature"], signature(documented, secret_key)):
        return "the signature is in the documents' order, the form is not"
    return None


# --- requests --------------------------------------------------------------------------------------------------


def decode_init(request: Request, merchants: Merchants) -> Create:
    """Fields in the order in which they were posted."""
    try:
        fields = form.fields(form.pieces(request.body))
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error
    for name, kind in FORMS.items():
        if not re.fullmatch(kind, fields.get(name, ""), re.ASCII) or CONTROL.search(fields[name]):
            raise Refusal(Reason.MALFORMED, f"{name}: absent or in another form")
    merchant = merchants(fields["merchant"])
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, fields["merchant"])
    refused = partial(Refusal, merchant=merchant)
    remark = _signed_by(fields, merchant.secrets["secret_key"])
    if remark is None:
        raise refused(Reason.BAD_SIGNATURE, "signature")
    if fields["operation"] != "PURCHASE":
        raise refused(Reason.UNKNOWN_COMMAND, "operation VERIFY is not simulated")
    if fields["currency"] != "VND":
        raise refused(Reason.INVALID_CURRENCY, fields["currency"])
    if int(fields["order_amount"]) == 0:
        raise refused(Reason.INVALID_AMOUNT, "order_amount: 0")
    _check_optional(fields, refused)
    return Create(merchant=merchant, wire=fields, order=_order(fields), warnings=(remark,) if remark else ())


def _check_optional(fields: Fields, refused: Callable[[Reason, str], Refusal]) -> None:
    if fields.get("payment_method", "") not in ("", *METHODS):
        raise refused(Reason.MALFORMED, "payment_method: " + "|".join(METHODS))
    for name in URLS:
        url = fields.get(name, "")
        if url and (len(url) > 1000 or CONTROL.search(url) or not is_web_address(url)):
            raise refused(Reason.MALFORMED, f"{name}: no http or https address")
    for name in ("customer_id", "custom_data"):
        if len(fields.get(name, "")) > 1000 or CONTROL.search(fields.get(name, "")):
            raise refused(Reason.MALFORMED, f"{name}: too long, or not printable")


def _order(fields: Fields) -> Order:
    method = fields.get("payment_method", "")
    return Order(
        order_ref=fields["order_invoice_number"],
        order_key=fields["order_invoice_number"],
        amount_vnd=int(fields["order_amount"]),
        description=fields["order_description"],
        return_url=fields.get("success_url", ""),
        channel=METHODS[method] if method else None,
        wire={name: fields[name] for name in KEPT if fields.get(name)},
    )


def decode_detail(request: Request, merchants: Merchants) -> Query:
    # sepay-gateway-api: by SePay's own order_id; sepay-clients: by the merchant's invoice number.
    merchant, given = _known(request, merchants), request.places.get("id", "")
    key, name = _which(given, merchant)
    return Query(merchant=merchant, order_key=key, name=name)


def decode_cancel(request: Request, merchants: Merchants) -> CancelOrder:
    merchant, invoice = _asked(request, merchants)
    return CancelOrder(merchant=merchant, order_key=invoice)


def decode_void(request: Request, merchants: Merchants) -> RefundOrder:
    merchant, invoice = _asked(request, merchants)
    return RefundOrder(
        merchant=merchant,
        order_key=invoice,
        request_ref="void",
        amount_vnd=0,
        full=True,
        all_left=True,
        unnumbered=True,
    )


def _known(request: Request, merchants: Merchants) -> Merchant:
    """Whose Basic credentials these are. Raises Refusal."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        code, _, secret = base64.b64decode(given.encode("ascii"), validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise Refusal(Reason.UNKNOWN_MERCHANT, "no Basic credentials") from error
    merchant = merchants(code) if scheme.lower() == "basic" else None
    if merchant is None or not same(secret, merchant.secrets["secret_key"]):
        raise Refusal(Reason.UNKNOWN_MERCHANT, f"{code[:60]!r} with this secret", merchant=merchant)
    return merchant


def _asked(request: Request, merchants: Merchants) -> tuple[Merchant, str]:
    merchant = _known(request, merchants)
    try:
        invoice = json_object(request.body).get("order_invoice_number")
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200], merchant=merchant) from error
    if not isinstance(invoice, str) or not re.fullmatch(FORMS["order_invoice_number"], invoice, re.ASCII):
        raise Refusal(Reason.MALFORMED, "order_invoice_number: absent or in another form", merchant=merchant)
    return merchant, invoice


def _which(given: str, merchant: Merchant) -> tuple[str, str]:
    """(invoice number, "") or ("", SePay's order_id)."""
    if not re.fullmatch(FORMS["order_invoice_number"], given, re.ASCII):
        raise Refusal(Reason.UNKNOWN_ORDER, "no such order", merchant=merchant)
    return ("", given) if re.fullmatch(r"SEPAY-[0-9A-F]{13}", given) else (given, "")


def judge(command: Command, payment: Payment | None, now: datetime) -> None:
    """sepay-gateway-api#void: cards only, and only before their money is settled; #cancel: transfers only."""
    if payment is None:
        return
    refused = partial(Refusal, merchant=command.merchant)
    if isinstance(command, CancelOrder) and _method(payment) == "CARD":
        raise refused(Reason.UNKNOWN_COMMAND, "orders paid by card are not cancelled")
    if isinstance(command, RefundOrder) and payment.state in COLLECTED:
        if _method(payment) != "CARD":
            raise refused(Reason.UNKNOWN_COMMAND, "only card payments are voided")
        if now >= settles_at(payment.settled_at or payment.created_at):
            raise refused(Reason.TIMED_OUT, "the money is settled")


def settles_at(paid_at: datetime) -> datetime:
    """The start of the working day on which the money comes: the next one, after 16:00 the second next."""
    local = paid_at.astimezone(VIETNAM)
    day, left = local.date(), 1 if local.time() < time(16) else 2
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5
    return datetime.combine(day, time(), VIETNAM)


# --- answers ---------------------------------------------------------------------------------------------------


def encode(
    done: Callable[[Command, Reply], Response], request: Request, command: Command | None, result: Reply | Refusal
) -> Response:
    """sepay-gateway-api: a message; that refusals have one too is assumed."""
    if isinstance(result, Refusal):
        status, message = REFUSALS.get(result.reason, (400, "Yêu cầu không hợp lệ"))
        return json_response({"message": message}, status)
    assert command is not None, "only what was understood is replied to"
    return done(command, result)


def _to_page(command: Command, reply: Reply) -> Response:
    return redirect(reply.page_url)


def _voided(command: Command, reply: Reply) -> Response:
    if reply.refund is not None and reply.refund.state is RefundState.PENDING:
        return json_response({"message": "Yêu cầu hủy giao dịch đang được xử lý"}, 202)
    return json_response({"message": "Đã hủy giao dịch thành công"})


def _said(message: str, command: Command, reply: Reply) -> Response:
    return json_response({"message": message})


def _detail(command: Command, reply: Reply) -> Response:
    """sepay-gateway-api#detail, in the documents' order."""
    payment = reply.payment
    assert payment is not None, "a detail is about an order"
    order = _order_told(payment)
    names = ("order_id", "order_invoice_number", "order_status", "order_amount", "order_currency", "order_description")
    paid = payment.state in TRANSACTION_STATUSES
    return json_response(
        {
            "data": {
                "id": order["id"],
                "customer_id": payment.order.wire.get("customer_id"),
                **{name: order[name] for name in names},
                "authentication_status": _authentication(payment) if paid else None,
                "created_at": _local(payment.created_at),
                "updated_at": _local(payment.settled_at or payment.created_at),
                "transactions": [_transaction(payment)] if paid else [],
            }
        }
    )


def order_id(payment: Payment) -> str:
    """SePay's own number of an order: SEPAY-68BA83CE637C1."""
    return f"SEPAY-{payment.payment_id[:13].upper()}"


def _order_told(payment: Payment) -> dict[str, object]:
    order = payment.order
    return {
        "id": _uuid(payment.payment_id),
        "order_id": order_id(payment),
        "order_status": ORDER_STATUSES[payment.state],
        "order_currency": "VND",
        "order_amount": f"{order.amount_vnd}.00",
        "order_invoice_number": order.order_ref,
        "custom_data": order.wire.get("custom_data") or [],
        "user_agent": "",
        "ip_address": order.client_ip,
        "order_description": order.description,
    }


def _transaction(payment: Payment) -> dict[str, object]:
    at = _local(payment.settled_at or payment.created_at)
    return {
        "id": _uuid(payment.payment_id[::-1]),
        "payment_method": _method(payment),
        "transaction_id": payment.bank_ref,
        "transaction_type": "PAYMENT",
        "transaction_date": at,
        "transaction_status": TRANSACTION_STATUSES.get(payment.state, "DECLINED"),
        "transaction_amount": str(payment.amount_vnd),
        "transaction_currency": "VND",
        "authentication_status": _authentication(payment),
        **_card(payment),
        "transaction_last_updated_date": at,
    }


def _card(payment: Payment) -> dict[str, object]:
    """sepay-gateway-ipn: all null where no card paid."""
    is_card = _method(payment) == "CARD"
    scheme = scheme_of(payment.payer_account) if is_card else None
    return {
        "card_number": masked(payment.payer_account) if is_card and payment.payer_account else None,
        "card_holder_name": None,
        "card_expiry": None,
        "card_funding_method": None,
        "card_brand": scheme.value.upper() if scheme else None,
    }


def _authentication(payment: Payment) -> str | None:
    if _method(payment) != "CARD":
        return None
    return "AUTHENTICATION_FAILED" if payment.state is State.FAILED else "AUTHENTICATION_SUCCESSFUL"


def _method(payment: Payment) -> str:
    asked = payment.order.wire.get("payment_method", "")
    return asked or ("CARD" if payment.channel is Channel.CARD else "BANK_TRANSFER")


def _uuid(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))


def _local(instant: datetime) -> str:
    return f"{instant.astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}"


# --- IPN and return --------------------------------------------------------------------------------------------


def callback(notice: Notice) -> Outgoing:
    """sepay-gateway-ipn: its only proof is the secret in a header, if the merchant wants one."""
    payment, merchant = notice.payment, notice.merchant
    customer = payment.order.wire.get("customer_id")
    order, transaction = _order_told(payment), _transaction(payment)
    body: dict[str, object] = {
        "timestamp": int((payment.settled_at or payment.created_at).timestamp()),
        "notification_type": _kind(payment),
        "order": order,
        "transaction": transaction,
        "customer": {"id": _uuid(payment.payment_id), "customer_id": customer} if customer else None,
    }
    declined = {**transaction, "transaction_status": _transaction(notice.second)["transaction_status"]}
    foreign = {"order": {**order, "order_currency": "USD"}}
    foreign["transaction"] = {**transaction, "transaction_currency": "USD"}
    body = worded(notice, body, currency=foreign, second={"transaction": declined}, optional=("customer",))
    proof = (("x-secret-key", merchant.secrets["secret_key"]),)
    headers = (("content-type", JSON_TYPE), *(proof if merchant.options.get("auth") != "none" else ()))
    return Outgoing("POST", merchant.callback_url, headers, msgspec.json.encode(body))


def _kind(payment: Payment) -> str:
    if payment.state in VOIDED:
        return "TRANSACTION_VOID"
    return "ORDER_PAID" if payment.state in COLLECTED else "ORDER_FAILED"


def acknowledged(answer: Answer, notice: Notice) -> Ack:
    # sepay-gateway-ipn: status 200; of a body nothing is said.
    return Ack(answer.status == 200, answer.error or f"HTTP {answer.status}")


def return_url(payment: Payment, merchant: Merchant) -> str:
    """sepay-gateway-form: one address each for success, failure and giving up; nothing is told of parameters."""
    if payment.state in COLLECTED:
        return payment.order.return_url
    return payment.order.wire.get("cancel_url" if payment.state is State.CANCELLED else "error_url", "")


def qr_text(payment: Payment, merchant: Merchant) -> str:
    """A VietQR code that names SePay's order; it names the amount where an instant transfer can carry it."""
    account = {name: merchant.options.get(name, usual) for name, usual in USUAL_ACCOUNT.items()}
    amount_vnd = payment.amount_vnd if 0 < payment.amount_vnd < qr.INSTANT_LIMIT_VND else None
    return qr.vietqr(account["bin"], account["account"], amount_vnd, purpose=order_id(payment))


def _bank_ref(rng: Random, now: datetime) -> str:
    """Looks like 68ba94ac80123: the second and five hex digits more."""
    return f"{int(now.timestamp()):08x}{rng.randrange(16**5):05x}"


ASSUMPTIONS = (
    ("order", "the order posted, or the documents' with a remark; empty fields count if posted", "clients differ", ""),
    ("verify", "operation VERIFY is refused", "what it does is told nowhere", ""),
    ("lengths", "invoice number 100 letters, digits, _.-; description 500", "no limits are told", ""),
    ("refusals", "400, 401, 404, 409 with a message; no page for browsers", "only successes are told", ""),
    ("statuses", "a void or expired order is CANCELLED, a failed one FAILED", "three statuses are told", ""),
    ("void-status", "the transaction of a void is VOIDED", "APPROVED alone is told", ""),
    ("void-pending", "202 while the bank looks at it, 400 if it refuses", "success alone is told", ""),
    ("settlement", "voids end at 0:00 of the day the money comes; weekends only", "the schedule alone is told", ""),
    ("ipn-kinds", "paid and void orders only; a told failure is ORDER_FAILED", "these two kinds are told", ""),
    ("ipn-key", "the merchant's secret key; none by option", "a type of authentication is chosen", "options.auth"),
    ("ipn-timestamp", "the event's, the same in every attempt", "that of sending is documented", ""),
    ("ipn-customer", "null without customer_id, else id and customer_id", "the example was cut", ""),
    ("ipn-card", "masked number and brand where known; no holder, no expiry", "a bank knows more", ""),
    ("retries", "as the webhooks: 1, 1, 2, 3, 5, 8, 13 min; 30 s for an answer", "none are told", "retries"),
    ("return", "the three addresses as they were given, nothing added", "no parameters are told", ""),
    ("page-life", "15 minutes", "not told", ""),
    ("account", "the merchant's options bin and account", "the real one makes virtual accounts", "options"),
    ("lists", "no lists of orders or transactions", "the wire of their pages is not known", ""),
)

_ENDPOINTS = (
    ("create", "POST", "/v1/checkout/init", decode_init, _to_page),
    ("query", "GET", "/v1/order/detail/{id}", decode_detail, _detail),
    ("query", "GET", "/v1/orders/{id}", decode_detail, _detail),  # sepay-clients: so asks the Python package
    ("cancel", "POST", "/v1/order/cancel", decode_cancel, partial(_said, "Đã hủy đơn hàng thành công")),
    ("refund", "POST", "/v1/order/voidTransaction", decode_void, _voided),
)

DIALECT = Dialect(
    code="sepay_gateway",
    name="SePay (cổng thanh toán)",
    shape=Shape.REDIRECT,
    channels=(Channel.QR, Channel.CARD),
    endpoints=tuple(
        Endpoint(operation=operation, method=method, path=path, decode=decode, encode=partial(encode, done))
        for operation, method, path, decode, done in _ENDPOINTS
    ),
    callback=callback,
    parts=frozenset({Part.ORDER, Part.CURRENCY, Part.SECOND_STATUS, Part.OPTIONAL, Part.UNKNOWN}),
    acknowledged=acknowledged,
    tells_refunds=frozenset({RefundState.MADE, RefundState.PENDING}),
    retry=Retry(delays_s=(60, 60, 120, 180, 300, 480, 780), timeout_s=30),
    announces=frozenset({State.PAID, State.REFUNDED, State.REVERSED}),
    return_url=return_url,
    secrets=("secret_key",),
    bank_ref=_bank_ref,
    qr_text=qr_text,
    names=lambda payment: (order_id(payment),),
    judge=judge,
    sources=("sepay-gateway-form", "sepay-gateway-ipn", "sepay-gateway-api", "sepay-clients"),
    assumptions=assumed("sepay_gateway", ASSUMPTIONS),
)
