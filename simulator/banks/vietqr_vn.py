"""VietQR.vn: codes to be scanned for an order, the callback of what was transferred, questions about it and refunds.

Rule: each side gives the other a token for its Basic credentials before it is called; a checksum is MD5 over values
without anything between them, a callback's sign is HMAC-SHA256 over four of its values, the amount in ten digits.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from random import Random

import msgspec

from simulator import qr
from simulator.clock import VIETNAM
from simulator.dialect import (
    OTHER_ACCOUNT,
    Access,
    Ack,
    Ask,
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
from simulator.signing import hmac_sha256_hex, md5_hex, same, sha256_hex
from simulator.wire import (
    JSON_TYPE,
    Answer,
    Outgoing,
    Request,
    Response,
    is_web_address,
    json_object,
    json_response,
)

Fields = Mapping[str, str]

TOKEN_LIFE_S = 300  # vietqr-vn-callback#token
SYNC_PATH, TOKEN_PATH = "/bank/api/transaction-sync", "/api/token_generate"
USUAL = {"bank_code": "MB", "bank_name": "Ngân hàng TMCP Quân đội", "bin": "970422", "account": "0123499992"}
"""What the merchant's options of these names are if they are not set."""

# vietqr-vn-generate: a content has 19 letters or digits at most, and so has an orderId; what has no limit gets ours.
FORMS = {
    "bankCode": r"[A-Za-z0-9]{1,20}",
    "bankAccount": r"[A-Za-z0-9]{1,30}",
    "userBankName": r"[A-Za-z0-9 .,&'\-]{1,100}",
    "content": r"[A-Za-z0-9]{1,19}",
    "qrType": r"[013]",
    "amount": r"[0-9]{1,15}",
    "orderId": r"[A-Za-z0-9]{1,19}",
    "transType": r"[CDcd]",
    "value": r"[A-Za-z0-9]{1,40}",
    "type": r"[01]",
    "referenceNumber": r"[A-Za-z0-9]{1,40}",
    "checkSum": r"[0-9A-Fa-f]{32}",
}
ECHOED = ("terminalCode", "subTerminalCode", "serviceCode")
# vietqr-vn-errors: which code a field in another form has; E46 for the rest.
FIELD_CODES = {"amount": "E02", "transType": "E03", "content": "E09", "bankAccount": "E10", "bankCode": "E51"}
REFUSALS = {
    Reason.UNKNOWN_MERCHANT: (401, "E74"),
    Reason.WRONG_PAYER: (400, "E77"),
    Reason.BAD_SIGNATURE: (400, "E39"),
    Reason.INVALID_AMOUNT: (400, "E02"),
    Reason.UNKNOWN_COMMAND: (400, "E58"),
    Reason.EXPIRED: (401, "E74"),
    Reason.MALFORMED: (400, "E46"),
    Reason.MAINTENANCE: (400, "E42"),
    Reason.NOT_PAID: (400, "E43"),
    Reason.TOO_SOON: (400, "E43"),
    Reason.ONLY_PART_REFUND: (400, "E43"),
    Reason.REFUND_REFUSED: (400, "E43"),
    Reason.REFUND_ABOVE_PAYMENT: (400, "E45"),
    Reason.REFUNDS_ABOVE_PAYMENT: (400, "E45"),
}
# vietqr-vn-check: 0 waits, 1 is paid, 2 is cancelled.
STATUSES = {State.PENDING: 0, State.SUSPECTED: 0, State.PAID: 1, State.PARTLY_REFUNDED: 1, State.REFUNDED: 1}


def sign(transaction_id: str, amount_vnd: int, transaction_time: int, order_id: str, secret_key: str) -> str:
    """64 lower-case hex digits; the amount has ten digits, with zeros before it."""
    return hmac_sha256_hex(secret_key, f"{transaction_id}{amount_vnd:010d}{transaction_time}{order_id}".encode())


# --- tokens of ours --------------------------------------------------------------------------------------------


def decode_token(request: Request, merchants: Merchants) -> Ask:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        username, _, password = base64.b64decode(given.encode("ascii"), validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise Refusal(Reason.UNKNOWN_MERCHANT, "no Basic credentials") from error
    merchant = merchants(username) if scheme.lower() == "basic" else None
    if merchant is None or not same(password, merchant.secrets["password"]):
        raise Refusal(Reason.UNKNOWN_MERCHANT, f"{username[:60]!r} with this password", merchant=merchant)
    return Ask(merchant=merchant)


def token(merchant: Merchant, issued_at: int) -> str:
    """The merchant's name, the second, and a MAC over both, with dots between."""
    name = base64.urlsafe_b64encode(merchant.merchant_code.encode()).decode().rstrip("=")
    return f"{name}.{issued_at}.{hmac_sha256_hex(merchant.secrets['password'], f'{name}.{issued_at}'.encode())}"


def _bearer(request: Request, merchants: Merchants) -> tuple[Merchant, str]:
    """Whose token it is and when it was given; `judge` looks whether that is too long ago. Raises Refusal."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    parts = re.fullmatch(r"([A-Za-z0-9_-]{1,100})\.([0-9]{1,12})\.[0-9a-f]{64}", given, re.ASCII)
    if scheme.lower() != "bearer" or parts is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, "no token of ours")
    try:
        code = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)).decode()
    except (binascii.Error, ValueError) as error:
        raise Refusal(Reason.UNKNOWN_MERCHANT, "no token of ours") from error
    merchant = merchants(code)
    if merchant is None or not same(given, token(merchant, int(parts[2]))):
        raise Refusal(Reason.UNKNOWN_MERCHANT, f"no token of {code[:60]!r}", merchant=merchant)
    return merchant, parts[2]


def judge(command: Command, payment: Payment | None, now: datetime) -> None:
    """A token ends; whether a payment may be refunded in parts is said with the first of them."""
    issued_at = command.wire.get("issued_at")
    if issued_at and not -TOKEN_LIFE_S <= now.timestamp() - int(issued_at) <= TOKEN_LIFE_S:
        raise Refusal(Reason.EXPIRED, "the token has ended", merchant=command.merchant)
    if not isinstance(command, RefundOrder) or payment is None:
        return
    refunds = [each for each in payment.all_refunds if each.state is not RefundState.REFUSED]
    if refunds and not refunds[0].request_ref.startswith("many|"):
        raise Refusal(Reason.ONLY_PART_REFUND, "the first refund was not multiTimes", merchant=command.merchant)


# --- requests --------------------------------------------------------------------------------------------------


def decode_generate(request: Request, merchants: Merchants) -> Create:
    fields, merchant = _understood(request, merchants, "bankCode bankAccount userBankName content qrType")
    refused = partial(Refusal, merchant=merchant)
    if fields["qrType"] != "0":
        raise refused(Reason.UNKNOWN_COMMAND, "only dynamic codes (qrType 0) are simulated")
    _check(fields, "amount orderId", merchant)
    if fields.get("transType"):
        _check(fields, "transType", merchant)
    amount_vnd, link = int(fields["amount"]), fields.get("urlLink", "")
    if not 0 < amount_vnd < qr.INSTANT_LIMIT_VND:
        raise refused(Reason.INVALID_AMOUNT, "amount: 0, or above what an instant transfer carries")
    if link and (len(link) > 1000 or not link.isprintable() or not is_web_address(link)):
        raise refused(Reason.MALFORMED, "urlLink: no http or https address")
    if any(len(fields.get(name, "")) > 100 or not fields.get(name, "").isprintable() for name in (*ECHOED, "sign")):
        raise refused(Reason.MALFORMED, f"{', '.join(ECHOED)}, sign: too long, or not printable")
    order = Order(
        order_ref=fields["orderId"],
        order_key=fields["orderId"],
        amount_vnd=amount_vnd,
        description=fields["content"],
        return_url=link,
        channel=Channel.QR,
        wire={name: fields[name] for name in ("userBankName", "sign", *ECHOED) if fields.get(name)},
    )
    return Create(merchant=merchant, wire=fields, order=order, repeatable=True)


def decode_check(request: Request, merchants: Merchants) -> Query:
    fields, merchant = _understood(request, merchants, "bankAccount value checkSum")
    if not re.fullmatch(FORMS["type"], fields.get("type", ""), re.ASCII):
        raise Refusal(Reason.MALFORMED, "type: 0 or 1", merchant=merchant, wire={"code": "E95"})
    if not same(fields["checkSum"].lower(), md5_hex(f"{fields['bankAccount']}{merchant.merchant_code}".encode())):
        raise Refusal(Reason.BAD_SIGNATURE, "checkSum", merchant=merchant)
    order_key, name = (fields["value"], "") if fields["type"] == "0" else ("", fields["value"])
    return Query(merchant=merchant, wire=fields, order_key=order_key, name=name)


def decode_refund(request: Request, merchants: Merchants) -> RefundOrder:
    fields, merchant = _understood(request, merchants, "bankCode bankAccount referenceNumber amount checkSum")
    reference, amount, account = fields["referenceNumber"], fields["amount"], fields["bankAccount"]
    signed = f"{merchant.secrets['secret_key']}{reference}{amount}{account}"
    if not same(fields["checkSum"].lower(), md5_hex(signed.encode())):
        raise Refusal(Reason.BAD_SIGNATURE, "checkSum", merchant=merchant)
    if merchant.options.get("refunds", "on") != "on":
        raise Refusal(Reason.MAINTENANCE, "this account may not refund", merchant=merchant)
    content = sha256_hex(fields.get("content", "").encode("utf-8", "surrogatepass"))[:12]
    times = "many" if fields.get("multiTimes") == "true" else "once"
    return RefundOrder(
        merchant=merchant,
        wire=fields,
        name=reference,
        request_ref=f"{times}|{int(amount)}|{content}",
        amount_vnd=int(amount),
        full=False,
        unnumbered=True,
    )


def _understood(request: Request, merchants: Merchants, needed: str) -> tuple[dict[str, str], Merchant]:
    """The fields of a JSON body as texts, and whose account it is about. Raises Refusal."""
    merchant, issued_at = _bearer(request, merchants)
    try:
        given = json_object(request.body)
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200], merchant=merchant) from error
    fields = {name: _text(value) for name, value in given.items() if isinstance(value, str | int | float)}
    _check(fields, needed, merchant)
    if fields["bankAccount"] != _option(merchant, "account"):
        raise Refusal(Reason.WRONG_PAYER, f"bankAccount {fields['bankAccount']}", merchant=merchant)
    if fields.get("bankCode", _option(merchant, "bank_code")) != _option(merchant, "bank_code"):
        raise Refusal(Reason.MALFORMED, "bankCode", merchant=merchant, wire={"code": "E24"})
    return fields | {"issued_at": issued_at}, merchant


def _text(value: str | int | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


def _check(fields: Fields, names: str, merchant: Merchant) -> None:
    for name in names.split():
        if not re.fullmatch(FORMS[name], fields.get(name, ""), re.ASCII):
            code = FIELD_CODES.get(name, "E46")
            raise Refusal(Reason.MALFORMED, f"{name}: in another form", merchant=merchant, wire={"code": code})


# --- answers ---------------------------------------------------------------------------------------------------


def encode(
    shown: Callable[[Command, Reply], object], request: Request, command: Command | None, result: Reply | Refusal
) -> Response:
    """vietqr-vn-errors: FAILED and a code; that its HTTP status is 400 or 401 is public code's."""
    if isinstance(result, Refusal):
        unknown = "E44" if request.path.endswith("refund") else "E96"
        usual = (400, unknown) if result.reason is Reason.UNKNOWN_ORDER else (400, "E05")
        status, code = REFUSALS.get(result.reason, usual)
        return json_response({"status": "FAILED", "message": result.wire.get("code", code)}, status)
    assert command is not None, "only what was understood is replied to"
    return json_response(shown(command, result))


def _given(command: Command, reply: Reply) -> object:
    issued = token(command.merchant, int(reply.now.timestamp()))
    return {"access_token": issued, "token_type": "Bearer", "expires_in": TOKEN_LIFE_S}


def _generated(command: Command, reply: Reply) -> object:
    payment, merchant = _payment(reply), command.merchant
    return {
        "bankCode": _option(merchant, "bank_code"),
        "bankName": _option(merchant, "bank_name"),
        "bankAccount": _option(merchant, "account"),
        "userBankName": payment.order.wire.get("userBankName", ""),
        "amount": str(payment.order.amount_vnd),
        "content": content(payment),
        "qrCode": qr_text(payment, merchant),
        "imgId": "",
        "existing": 0,
        "transactionId": payment.payment_id,
        "transactionRefId": sha256_hex(payment.payment_id.encode())[:32],
        "qrLink": reply.page_url,
        "orderId": payment.order.order_ref,
        **_echoed(payment),
        "additionalData": [],
    }


def _checked(command: Command, reply: Reply) -> object:
    """vietqr-vn-check: a list, though it can only be one."""
    payment = _payment(reply)
    paid = payment.state in COLLECTED
    return [
        {
            "referenceNumber": payment.bank_ref if paid else "",
            "orderId": payment.order.order_ref,
            "amount": payment.amount_vnd,
            "content": content(payment),
            "transType": "C",
            "status": STATUSES.get(payment.state, 2),
            "type": 0,
            "timeCreated": int(payment.created_at.timestamp()),
            "timePaid": int(payment.settled_at.timestamp()) if paid and payment.settled_at else 0,
            "terminalCode": payment.order.wire.get("terminalCode", ""),
            "note": "",
            "refundCount": len(payment.refunds),
            "amountRefunded": payment.refunded_vnd,
        }
    ]


def _refunded(command: Command, reply: Reply) -> object:
    assert reply.refund is not None, "a refund that was made is told"
    return {"status": "SUCCESS", "message": reply.refund.bank_ref}


def _payment(reply: Reply) -> Payment:
    assert reply.payment is not None, "all but a token is about a payment"
    return reply.payment


def _echoed(payment: Payment) -> dict[str, str]:
    return {name: payment.order.wire.get(name, "") for name in ECHOED}


def content(payment: Payment) -> str:
    """The transfer's text: VQR and ten letters of our own before what was asked for."""
    return f"VQR{payment.payment_id[:10]} {payment.order.description}".strip()


def qr_text(payment: Payment, merchant: Merchant) -> str:
    named = payment.amount_vnd if 0 < payment.amount_vnd < qr.INSTANT_LIMIT_VND else None
    return qr.vietqr(_option(merchant, "bin"), _option(merchant, "account"), named, purpose=qr.plain(content(payment)))


def _option(merchant: Merchant, name: str) -> str:
    return merchant.options.get(name, USUAL[name])


# --- callback --------------------------------------------------------------------------------------------------


def token_request(notice: Notice) -> Outgoing | None:
    """vietqr-vn-callback#token: beside a callback address of the documented form, or wherever the merchant says."""
    url, merchant = notice.merchant.callback_url, notice.merchant
    beside = url.removesuffix(SYNC_PATH) + TOKEN_PATH if url.endswith(SYNC_PATH) else ""
    target = merchant.options.get("token_url", "") or beside
    if not target:
        return None
    credentials = f"{merchant.secrets['client_username']}:{merchant.secrets['client_password']}".encode()
    proof = f"Basic {base64.b64encode(credentials).decode()}"
    return Outgoing("POST", target, (("content-type", JSON_TYPE), ("authorization", proof)), b"{}")


def client_token(answer: Answer) -> str:
    """Raises ValueError."""
    if not 200 <= answer.status < 300:
        raise ValueError(f"HTTP {answer.status}")
    given = json_object(answer.body).get("access_token")
    if not (isinstance(given, str) and re.fullmatch(r"[!-~]{1,4000}", given)):
        raise ValueError("no access_token")
    return given


def callback(notice: Notice) -> Outgoing:
    """vietqr-vn-callback#fields: it can only say what came in."""
    payment, merchant = notice.payment, notice.merchant
    at = (payment.settled_at or payment.created_at).astimezone(UTC)
    transaction_time, order_id = int(at.timestamp()) * 1000, payment.order.order_ref
    signed = sign(payment.payment_id, payment.amount_vnd, transaction_time, order_id, merchant.secrets["secret_key"])
    body = {
        "transactionid": payment.payment_id,
        "transactiontime": transaction_time,
        "referencenumber": payment.bank_ref,
        "amount": payment.amount_vnd,
        "content": content(payment),
        "bankaccount": _option(merchant, "account"),
        "transType": "C",
        "orderId": order_id,
        "sign": payment.order.wire.get("sign", "") if merchant.options.get("sign") == "echo" else signed,
        **_echoed(payment),
        "urlLink": payment.order.return_url,
    }
    optional = ("terminalCode", "subTerminalCode", "serviceCode", "urlLink")
    body = worded(notice, body, merchant={"bankaccount": OTHER_ACCOUNT}, optional=optional)
    proof = (("authorization", f"Bearer {notice.token}"),) if notice.token else ()
    return Outgoing("POST", merchant.callback_url, (("content-type", JSON_TYPE), *proof), msgspec.json.encode(body))


def acknowledged(answer: Answer, notice: Notice) -> Ack:
    # vietqr-vn-callback#answer, vietqr-vn-server: error false, and an object that names a transaction of the connector.
    if not 200 <= answer.status < 300:
        return Ack(False, answer.error or f"HTTP {answer.status}")
    try:
        said = json_object(answer.body)
    except ValueError as error:
        return Ack(False, str(error)[:200])
    reason, named = said.get("errorReason"), said.get("object")
    if said.get("error") is True:  # vietqr-vn-retry: which codes end the retries is agreed on with each connector
        final = isinstance(reason, str) and reason in notice.merchant.options.get("final_codes", "").split()
        return Ack(final, f"error {reason}"[:200])
    held = isinstance(named, dict) and isinstance(named.get("reftransactionid"), str)
    return Ack(said.get("error") is False and held, "error false" if held else "no object.reftransactionid")


def return_url(payment: Payment, merchant: Merchant) -> str:
    return payment.order.return_url if payment.state in COLLECTED else ""


def _bank_ref(rng: Random, now: datetime) -> str:
    """Looks like FT26008507756020: letters, the year, the day of the year, and nine digits more."""
    return f"FT{now.astimezone(VIETNAM):%y%j}{rng.randrange(10**9):09d}"


ASSUMPTIONS = (
    ("qr-types", "dynamic codes only; 1 and 3 are E58", "no order stands behind them", ""),
    ("content", "19 letters and digits, no spaces; VQR and ten letters before it", "limits are told in words", ""),
    ("repeated", "the same orderId again: the same code if all is the same, else E05", "not told", ""),
    ("http-status", "400, and 401 for tokens", "codes alone are told", ""),
    ("token", "name, second and MAC; 300 s", "the real one is a JWT", ""),
    (
        "sign",
        "of the callback's own values, milliseconds; that of the order by option",
        "both are seen",
        "options.sign",
    ),
    ("retries", "12 s apart five times, then 60 s; 15 s for an answer", "5 in the first minute, then 1", "retries"),
    ("final-codes", "none: every error is retried", "agreed on with each connector", "options.final_codes"),
    ("client-token", "a token for every attempt", "how long one is used is not told", "options.token_url"),
    ("announced", "money that came in; neither refunds nor failures", "transType D is not described", ""),
    ("refund-again", "the same amount, content and multiTimes again is E43", "a refund has no number of its own", ""),
    ("refund-multi", "without multiTimes the first refund is the only one", "said with the first", ""),
    ("refund-codes", "E43 for unpaid and repeated ones, E45 for amounts", "codes without cases", "options.refunds"),
    ("refund-state", "E05 while pending, E43 refused; check-order tells what was given back", "not told", ""),
    ("page-life", "15 minutes", "not told", ""),
    ("return", "urlLink after success, nothing added", "not told", ""),
    ("account", "options bank_code, bank_name, bin, account", "accounts are linked by hand", "options"),
    ("image", "imgId empty; qrLink is the payer's page", "the real one stores a picture", ""),
)

_ENDPOINTS = (
    ("ask", "/vqr/api/token_generate", decode_token, _given),
    ("create", "/vqr/api/qr/generate-customer", decode_generate, _generated),
    ("query", "/vqr/api/transactions/check-order", decode_check, _checked),
    ("refund", "/vqr/api/transaction/refund", decode_refund, _refunded),
)

DIALECT = Dialect(
    code="vietqr_vn",
    name="VietQR.vn",
    shape=Shape.SERVER_CREATE,
    channels=(Channel.QR,),
    endpoints=tuple(
        Endpoint(operation=operation, method="POST", path=path, decode=decode, encode=partial(encode, shown))
        for operation, path, decode, shown in _ENDPOINTS
    ),
    callback=callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.OPTIONAL, Part.UNKNOWN}),
    acknowledged=acknowledged,
    access=Access(ask=token_request, read=client_token),
    # vietqr-vn-retry: ten times, five of them in the first minute.
    retry=Retry(delays_s=(12, 12, 12, 12, 12, 60, 60, 60, 60, 60), timeout_s=15),
    announces=frozenset({State.PAID}),
    return_url=return_url,
    secrets=("password", "secret_key", "client_username", "client_password"),
    bank_ref=_bank_ref,
    qr_text=qr_text,
    names=lambda payment: (payment.bank_ref,),
    judge=judge,
    tells_failures=False,
    sources=(
        *("vietqr-vn-generate", "vietqr-vn-callback", "vietqr-vn-retry", "vietqr-vn-check", "vietqr-vn-refund"),
        *("vietqr-vn-errors", "vietqr-vn-server"),
    ),
    assumptions=assumed("vietqr_vn", ASSUMPTIONS),
)
