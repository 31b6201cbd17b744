"""payOS: payment links that are paid by VietQR transfer (create, get, cancel, invoices), and their webhook.

Rule: only `data` is signed, as raw name=value pairs in the order of the names; the browser's return is not signed, and
any 2xx acknowledges a webhook, an empty one too. A webhook's address is tried out before it is confirmed. Payouts are
not spoken.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from random import Random
from urllib.parse import urlencode

import msgspec

from simulator import form, qr
from simulator.clock import VIETNAM
from simulator.dialect import (
    OTHER_ACCOUNT,
    Ack,
    Ask,
    CancelOrder,
    Command,
    Create,
    Dialect,
    Endpoint,
    GetReceipt,
    Merchants,
    Notice,
    Part,
    Probe,
    Query,
    Reply,
    Shape,
    assumed,
    worded,
)
from simulator.outbox import Retry
from simulator.payment import COLLECTED, Channel, Merchant, Order, Outcome, Payment, Reason, Refusal, State
from simulator.receipt import Receipt, receipt_pdf
from simulator.signing import hmac_sha256_hex, same, sha256_hex
from simulator.wire import JSON_TYPE, Answer, Outgoing, Request, Response, json_object, json_response

Data = Mapping[str, object]
Decoded = Callable[[Request, Merchants], Command]
Written = Callable[[Request, Command | None, Reply | Refusal], Response]

ORDER_CODE_MAX = 2**53 - 1  # payos-guides#errors: what JavaScript can hold
EXPIRED_AT_MAX = 4_102_444_800  # the year 2100
TAX_PERCENTAGES = (-2, -1, 0, 5, 10)  # payos-clients#invoice
DESCRIPTION_MAX = 25  # payos-guides#errors
URL = re.compile(r"https?://[^\s\x00-\x1f\x7f]{1,1000}")
USUAL_ACCOUNT = {"bin": "970436", "account": "0123499999", "account_name": "TAI KHOAN THU NGHIEM"}
"""Where transfers go, if the merchant's options of these names are not set."""

# payos-clients#create: what a create request signs, in this order.
CREATE_SIGNED = ("amount", "cancelUrl", "description", "orderCode", "returnUrl")

# payos-clients#status
STATUSES = {
    State.PENDING: "PENDING",
    State.PAID: "PAID",
    State.PARTLY_REFUNDED: "PAID",
    State.REFUNDED: "PAID",
    State.FAILED: "FAILED",
    State.REVERSED: "FAILED",
    State.CANCELLED: "CANCELLED",
    State.EXPIRED: "EXPIRED",
    State.SUSPECTED: "PROCESSING",
}
# payos-guides#errors: 20, 201 and 231, all with HTTP 200; payos-clients#errors: 401 has its own status.
REFUSALS = {
    Reason.UNKNOWN_MERCHANT: (401, "401", "Thông tin x-client-id hoặc x-api-key không đúng"),
    Reason.BAD_SIGNATURE: (200, "201", "Mã kiểm tra(signature) không hợp lệ"),
    Reason.DUPLICATE_ORDER: (200, "231", "Đơn thanh toán đã tồn tại"),
    Reason.UNKNOWN_ORDER: (200, "20", "Đơn thanh toán không tồn tại"),
    Reason.ALREADY_PAID: (200, "20", "Đơn thanh toán đã được thanh toán"),
    Reason.EXPIRED: (200, "20", "Đơn thanh toán đã hết hạn hoặc đã kết thúc"),
    Reason.TIMED_OUT: (400, "20", "Webhook url không hợp lệ"),
}


def signature(data: Data, checksum_key: str) -> str:
    """64 lower-case hex digits over `data`."""
    return hmac_sha256_hex(checksum_key, signed_text(data).encode())


def signed_text(data: Data) -> str:
    """amount=18060&code=00&...: raw values, names ascending, nothing for null."""
    return "&".join(f"{name}={_signed_value(data[name])}" for name in sorted(data))


def _signed_value(value: object) -> str:
    # payos-webhook-signature: null and the words null and undefined count as nothing; lists are JSON, names sorted.
    if value is None or value in ("null", "undefined"):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        sorted_names = [dict(sorted(each.items())) if isinstance(each, dict) else each for each in value]
        return msgspec.json.encode(sorted_names).decode()
    return str(value)


# --- requests --------------------------------------------------------------------------------------------------


def decode_create(request: Request, merchants: Merchants) -> Create:
    merchant = _known(request, merchants)
    body = _body(request, merchant)
    refused = partial(Refusal, merchant=merchant)
    try:
        order_code = _whole(body, "orderCode", ORDER_CODE_MAX)
        amount = _whole(body, "amount", 10**15 - 1)
        description = _text(body, "description", DESCRIPTION_MAX)
        urls = {name: _url(body, name) for name in ("cancelUrl", "returnUrl")}
        expired_at = _whole(body, "expiredAt", EXPIRED_AT_MAX) if body.get("expiredAt") is not None else 0
        given = _text(body, "signature", 64)
        invoice = _invoice_wanted(body)
    except ValueError as error:
        raise refused(Reason.MALFORMED, str(error)) from error
    values = {"amount": amount, "description": description, "orderCode": order_code, **urls}
    message = "&".join(f"{name}={values[name]}" for name in CREATE_SIGNED)
    if not same(given, hmac_sha256_hex(merchant.secrets["checksum_key"], message.encode())):
        raise refused(Reason.BAD_SIGNATURE, "signature")
    if amount >= qr.INSTANT_LIMIT_VND:
        raise refused(Reason.INVALID_AMOUNT, f"amount {amount} is above what an instant transfer carries")
    order = Order(
        order_ref=str(order_code),
        order_key=str(order_code),
        amount_vnd=amount,
        description=description,
        expires_at=datetime.fromtimestamp(expired_at, UTC) if expired_at else None,
        return_url=urls["returnUrl"],
        channel=Channel.QR,
        wire={"cancelUrl": urls["cancelUrl"]} | ({"expiredAt": str(expired_at)} if expired_at else {}) | invoice,
    )
    return Create(merchant=merchant, order=order)


def _invoice_wanted(body: Data) -> dict[str, str]:
    """payos-clients#invoice: whether and to whom an invoice is to be made. Raises ValueError."""
    wanted = body.get("invoice")
    if wanted is None:
        return {}
    if not isinstance(wanted, dict) or wanted.get("taxPercentage") not in (None, *TAX_PERCENTAGES):
        raise ValueError(f"invoice must be an object, its taxPercentage one of {TAX_PERCENTAGES}")
    buyers = (body.get("buyerCompanyName"), body.get("buyerName"))
    buyer = next((each for each in buyers if isinstance(each, str) and each.isprintable()), "")
    return {"invoice": "wanted", "buyer": buyer[:200]}


def decode_get(request: Request, merchants: Merchants) -> Query:
    merchant = _known(request, merchants)
    order_key, name = _which(request, merchant)
    return Query(merchant=merchant, order_key=order_key, name=name)


def decode_cancel(request: Request, merchants: Merchants) -> CancelOrder:
    merchant = _known(request, merchants)
    body = _body(request, merchant) if request.body else {}
    try:
        reason = _text(body, "cancellationReason", 255) if body.get("cancellationReason") is not None else ""
        given = _text(body, "signature", 64) if body.get("signature") is not None else ""
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error), merchant=merchant) from error
    told = {name: value for name, value in body.items() if name != "signature"}
    if given and not same(given, signature(told, merchant.secrets["checksum_key"])):
        raise Refusal(Reason.BAD_SIGNATURE, "signature", merchant=merchant)
    order_key, name = _which(request, merchant)
    return CancelOrder(merchant=merchant, order_key=order_key, name=name, reason=reason)


def decode_invoice(request: Request, merchants: Merchants) -> GetReceipt:
    merchant = _known(request, merchants)
    order_key, name = _which(request, merchant)
    wire = {"invoice_id": request.places.get("invoice", "")}
    return GetReceipt(merchant=merchant, order_key=order_key, name=name, wire=wire)


def judge(command: Command, payment: Payment | None, now: datetime) -> None:
    if not isinstance(command, GetReceipt) or payment is None:
        return
    if command.wire["invoice_id"] not in [each["invoiceId"] for each in _invoices(payment)]:
        raise Refusal(Reason.UNKNOWN_ORDER, "the link has no such invoice", merchant=command.merchant)


def decode_confirm_webhook(request: Request, merchants: Merchants) -> Ask:
    merchant = _known(request, merchants)
    try:
        return Ask(merchant=merchant, wire={"webhookUrl": _url(_body(request, merchant), "webhookUrl")})
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error), merchant=merchant) from error


def _known(request: Request, merchants: Merchants) -> Merchant:
    """Whose headers these are. Raises Refusal."""
    client_id = request.headers.get("x-client-id", "")
    merchant = merchants(client_id)
    if merchant is None or not same(request.headers.get("x-api-key", ""), merchant.secrets["api_key"]):
        raise Refusal(Reason.UNKNOWN_MERCHANT, f"x-client-id {client_id[:60]!r} with this x-api-key", merchant=merchant)
    return merchant


def _body(request: Request, merchant: Merchant) -> dict[str, object]:
    try:
        return json_object(request.body)
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200], merchant=merchant) from error


def _which(request: Request, merchant: Merchant) -> tuple[str, str]:
    """(orderCode, "") if what the path names is digits alone, else ("", the link's id)."""
    given = request.places.get("id", "")
    if given.isascii() and given.isdigit() and len(given) <= len(str(ORDER_CODE_MAX)):
        return str(int(given)), ""
    if not (given.isascii() and given.isalnum() and len(given) <= 64):
        raise Refusal(Reason.UNKNOWN_ORDER, given[:64].replace("\x00", ""), merchant=merchant)
    return "", given


def _whole(body: Data, name: str, most: int) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= most:
        raise ValueError(f"{name} must be a whole number from 1 to {most}")
    return value


def _text(body: Data, name: str, longest: int) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise ValueError(f"{name} must be a text of 1 to {longest} printable characters")
    return value


def _url(body: Data, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or URL.fullmatch(value) is None:
        raise ValueError(f"{name} must be an http or https address")
    return value


# --- answers ---------------------------------------------------------------------------------------------------


def encode(
    shown: Callable[[Command, Reply], dict[str, object]],
    request: Request,
    command: Command | None,
    result: Reply | Refusal,
) -> Response:
    """The envelope; a refusal has no data, and nothing of it is signed."""
    if isinstance(result, Refusal):
        status, code, desc = REFUSALS.get(result.reason, (200, "20", f"{result.reason}: {result.detail}"[:300]))
        return json_response({"code": code, "desc": desc, "data": None, "signature": None}, status)
    assert command is not None, "only what was understood is replied to"
    data = shown(command, result)
    sealed = signature(data, command.merchant.secrets["checksum_key"])
    return json_response({"code": "00", "desc": "success", "data": data, "signature": sealed})


def _created(command: Command, reply: Reply) -> dict[str, object]:
    payment = _payment(reply)
    order, account = payment.order, _account(command.merchant)
    expired_at = order.wire.get("expiredAt")
    return {
        "bin": account["bin"],
        "accountNumber": account["account"],
        "accountName": account["account_name"],
        "amount": payment.amount_vnd,
        "description": order.description,
        "orderCode": int(order.order_ref),
        "currency": "VND",
        "paymentLinkId": payment.payment_id,
        "status": _status(payment),
        "expiredAt": int(expired_at) if expired_at else None,
        "checkoutUrl": reply.page_url,
        "qrCode": qr_text(payment, command.merchant),
    }


def _link(command: Command, reply: Reply) -> dict[str, object]:
    payment = _payment(reply)
    order, paid = payment.order, _paid_vnd(payment)
    cancelled = payment.state is State.CANCELLED and payment.settled_at is not None
    return {
        "id": payment.payment_id,
        "orderCode": int(order.order_ref),
        "amount": order.amount_vnd,
        "amountPaid": paid,
        "amountRemaining": max(order.amount_vnd - paid, 0),
        "status": _status(payment),
        "createdAt": _instant(payment.created_at),
        "transactions": [_transaction(payment, command.merchant)] if paid else [],
        "canceledAt": _instant(payment.settled_at) if cancelled and payment.settled_at else None,
        "cancellationReason": order.wire.get("cancel_reason") if cancelled else None,
    }


def _confirmed(command: Command, reply: Reply) -> dict[str, object]:
    merchant = command.merchant
    account = _account(merchant)
    return {
        "webhookUrl": command.wire["webhookUrl"],
        "accountName": account["account_name"],
        "accountNumber": account["account"],
        "name": merchant.name,
        "shortName": merchant.merchant_code,
    }


def _invoice_list(command: Command, reply: Reply) -> dict[str, object]:
    return {"invoices": _invoices(_payment(reply))}


def _invoices(payment: Payment) -> list[dict[str, object]]:
    """payos-clients#invoice: one of a paid link that asked for it."""
    at = payment.settled_at
    if payment.state not in COLLECTED or at is None or "invoice" not in payment.order.wire:
        return []
    made = sha256_hex(f"invoice|{payment.payment_id}".encode())
    return [
        {
            "invoiceId": made[:32],
            "invoiceNumber": str(int(made[:6], 16) + 1),
            "issuedTimestamp": int(at.timestamp()),
            "issuedDatetime": _instant(at),
            "transactionId": payment.bank_ref,
            "reservationCode": made[32:42].upper(),
            "codeOfTax": "",
        }
    ]


def encode_invoice(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    """The invoice itself, as a file; a refusal as anywhere."""
    if isinstance(result, Refusal) or command is None:
        return encode(_invoice_list, request, command, result)
    payment, merchant = _payment(result), command.merchant
    number = int(sha256_hex(f"invoice|{payment.payment_id}".encode())[:6], 16) + 1
    paper = Receipt(
        number=number,
        issued_at=payment.settled_at or payment.created_at,
        collector_name=merchant.name,
        issuer_name="payOS",
        payer_name=payment.order.wire.get("buyer", ""),
        bill_code=payment.order.order_ref,
        bank_ref=payment.bank_ref,
        fees=((payment.order.description, payment.amount_vnd),),
        amount_vnd=payment.amount_vnd,
    )
    disposition = ("content-disposition", f'attachment; filename="invoice-{number}.pdf"')
    return Response(200, (("content-type", "application/pdf"), disposition), receipt_pdf(paper))


def _payment(reply: Reply) -> Payment:
    assert reply.payment is not None, "creating, getting and cancelling are about a payment"
    return reply.payment


def _status(payment: Payment) -> str:
    if 0 < _paid_vnd(payment) < payment.order.amount_vnd:
        return "UNDERPAID"
    if payment.state is State.PENDING and payment.outcome is Outcome.UNKNOWN:
        return "PROCESSING"
    return STATUSES[payment.state]


def _paid_vnd(payment: Payment) -> int:
    return payment.amount_vnd if payment.state in COLLECTED else 0


def _transaction(payment: Payment, merchant: Merchant) -> dict[str, object]:
    """One transfer as a link lists it and a webhook tells it."""
    return {
        "reference": payment.bank_ref,
        "amount": payment.amount_vnd,
        "accountNumber": _account(merchant)["account"],
        "description": payment.order.description,
        "transactionDateTime": _local(payment.settled_at or payment.created_at),
        "virtualAccountName": "",
        "virtualAccountNumber": "",
        "counterAccountBankId": "",
        "counterAccountBankName": payment.issuer_code,
        "counterAccountName": "",
        "counterAccountNumber": payment.payer_account,
    }


def _account(merchant: Merchant) -> dict[str, str]:
    return {name: merchant.options.get(name, usual) for name, usual in USUAL_ACCOUNT.items()}


def _local(instant: datetime) -> str:
    return f"{instant.astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}"


def _instant(instant: datetime) -> str:
    return instant.astimezone(VIETNAM).isoformat(timespec="seconds")


def qr_text(payment: Payment, merchant: Merchant) -> str:
    """A VietQR code for the link's amount; it names the orderCode too, so that no two links look alike."""
    order, account = payment.order, _account(merchant)
    purpose = qr.plain(order.description)
    return qr.vietqr(account["bin"], account["account"], order.amount_vnd, purpose=purpose, reference=order.order_ref)


# --- webhook and return ----------------------------------------------------------------------------------------


COUNTERPART = (
    *("counterAccountBankId", "counterAccountBankName", "counterAccountName", "counterAccountNumber"),
    *("virtualAccountName", "virtualAccountNumber"),
)


def callback(notice: Notice) -> Outgoing:
    """payos-webhook-signature: the signature covers `data`, which has a code of its own."""
    payment, merchant = notice.payment, notice.merchant
    credited = payment.state in COLLECTED
    code, desc = ("00", "success") if credited else ("01", "failed")
    data = _transaction(payment, merchant) | {
        "orderCode": int(payment.order.order_ref),
        "currency": "VND",
        "paymentLinkId": payment.payment_id,
        "code": code,
        "desc": "Thành công" if credited else "Thất bại",
    }
    data = worded(
        notice,
        data,
        merchant={"accountNumber": OTHER_ACCOUNT},
        currency={"currency": "USD"},
        second={"code": "01" if credited else "00"},
        # payos-webhook-signature: a bank that tells nothing of its customer leaves these out.
        optional=COUNTERPART,
    )
    return _webhook(merchant.callback_url, data, merchant, code, desc)


def _webhook(url: str, data: Data, merchant: Merchant, code: str, desc: str) -> Outgoing:
    sealed = signature(data, merchant.secrets["checksum_key"])
    body = {"code": code, "desc": desc, "success": code == "00", "data": data, "signature": sealed}
    return Outgoing("POST", url, (("content-type", JSON_TYPE),), msgspec.json.encode(body))


def probe_request(command: Command, now: datetime) -> Outgoing:
    """payos-clients#webhook: a webhook of an order that the connector does not know, rightly signed."""
    data = {
        "orderCode": 123,
        "amount": 3000,
        "description": "VQRIO123",
        "accountNumber": _account(command.merchant)["account"],
        "reference": "TF230204212323",
        "transactionDateTime": _local(now),
        "currency": "VND",
        "paymentLinkId": "124c33293c43417ab7879e14c8d9eb18",
        "code": "00",
        "desc": "Thành công",
        **dict.fromkeys(COUNTERPART, ""),
    }
    return _webhook(command.wire["webhookUrl"], data, command.merchant, "00", "success")


def probed(answer: Answer, command: Command) -> None:
    if not 200 <= answer.status < 300:
        why = answer.error or f"HTTP {answer.status}"
        raise Refusal(Reason.TIMED_OUT, f"the webhook's address did not answer 2xx: {why}", merchant=command.merchant)


def acknowledged(answer: Answer, notice: Notice) -> Ack:
    # payos-clients#webhook: 2xx is expected, of a body nothing is said.
    return Ack(200 <= answer.status < 300, answer.error or f"HTTP {answer.status}")


def return_url(payment: Payment, merchant: Merchant) -> str:
    """Back to the merchant's page, or to that for payers who gave up."""
    given_up = payment.state is State.CANCELLED
    page = payment.order.wire.get("cancelUrl", "") if given_up else payment.order.return_url
    query = {
        "code": "00",
        "id": payment.payment_id,
        "cancel": "true" if given_up else "false",
        "status": _status(payment),
        "orderCode": payment.order.order_ref,
    }
    return form.added(page, urlencode(query)) if page else ""


def _bank_ref(rng: Random, now: datetime) -> str:
    """Looks like TF2302042123230917: letters, the day, and ten digits more."""
    return f"TF{now.astimezone(VIETNAM):%y%m%d}{rng.randrange(10**10):010d}"


ASSUMPTIONS = (
    ("error-codes", "201 and 231 as told; 20 for all else, the reason in desc", "the whole table is not public", ""),
    ("http-status", "200 for refusals, 401 for wrong headers", "statuses are seldom told", ""),
    ("unsigned-refusal", "data and signature are null in refusals", "seen so in public code", ""),
    ("repeated-create", "the same orderCode again is 231, whatever else it says", "clients repeat lost creates", ""),
    ("amount-max", "below 500,000,000 VND", "an instant transfer carries no more", ""),
    ("page-life", "30 days without expiredAt", "no limit is public", ""),
    ("account", "the merchant's options bin, account, account_name", "the real one makes virtual accounts", "options"),
    ("qr", "description as purpose, orderCode as reference", "real codes put a word of their own before it", ""),
    ("one-transfer", "one transfer a link: more or less than asked ends it", "the core books one sum a payment", ""),
    ("overpaid", "PAID, amountRemaining 0, amountPaid above amount", "not told", ""),
    ("announced", "paid links only, under- and overpaid ones too", "no webhook of a failure is known", ""),
    ("failure", "a told failure has code 01 and success false", "only 00 is documented", ""),
    ("retries", "1, 5, 15, 30 and 60 min; 30 s for an answer", "no schedule is public", "retries"),
    ("confirm-webhook", "tries order 123 on the URL, changes nothing", "the real one registers it", "callback_url"),
    ("confirm-refused", "HTTP 400 with code 20", "clients say that the address is wrong", ""),
    ("invoices", "one of a paid link that has `invoice`; numbers and codes are ours", "only fields are known", ""),
    ("invoice-file", "a receipt of fees in PDF", "the real one is the tax office's", ""),
    ("cancel-signature", "checked where it is sent", "clients send one only with a reason", ""),
    ("return", "code 00 always; a cancelled link goes to cancelUrl", "from integrators' memory", ""),
    ("link-times", "ISO 8601 with +07:00; transfers as in webhooks", "samples differ", ""),
    ("counter-account", "bank and number where known, no names", "fields may be empty", ""),
)

_LINK = "/v2/payment-requests/{id}"
_PROBES = {"ask": Probe(ask=probe_request, read=probed)}
_ENDPOINTS: tuple[tuple[str, str, str, Decoded, Written], ...] = (
    ("create", "POST", "/v2/payment-requests", decode_create, partial(encode, _created)),
    ("query", "GET", _LINK, decode_get, partial(encode, _link)),
    ("cancel", "POST", f"{_LINK}/cancel", decode_cancel, partial(encode, _link)),
    ("ask", "POST", "/confirm-webhook", decode_confirm_webhook, partial(encode, _confirmed)),
    ("query", "GET", f"{_LINK}/invoices", decode_get, partial(encode, _invoice_list)),
    ("receipt", "GET", f"{_LINK}/invoices/{{invoice}}/download", decode_invoice, encode_invoice),
)

DIALECT = Dialect(
    code="payos",
    name="payOS",
    shape=Shape.SERVER_CREATE,
    channels=(Channel.QR,),
    endpoints=tuple(
        Endpoint(
            operation=operation, method=method, path=path, decode=decode, encode=write, probe=_PROBES.get(operation)
        )
        for operation, method, path, decode, write in _ENDPOINTS
    ),
    callback=callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.CURRENCY, Part.SECOND_STATUS, Part.OPTIONAL, Part.UNKNOWN}),
    acknowledged=acknowledged,
    retry=Retry(delays_s=(60, 300, 900, 1800, 3600), timeout_s=30),
    announces=frozenset({State.PAID}),
    return_url=return_url,
    secrets=("api_key", "checksum_key"),
    page_life_s=30 * 24 * 3600,
    bank_ref=_bank_ref,
    qr_text=qr_text,
    names=lambda payment: (payment.payment_id,),
    judge=judge,
    sources=("payos-webhook-signature", "payos-clients", "payos-guides"),
    assumptions=assumed("payos", ASSUMPTIONS),
)
