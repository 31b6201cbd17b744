"""SePay: a webhook for every transfer to or from a bank account that it watches, and refunds of what came in.

Rule: nobody is asked before money comes; what a transfer is for stands in its text alone, as the payer wrote it. The
payment gateway of the same name is another product with a file of its own.
"""

import re
from collections.abc import Callable
from datetime import datetime
from random import Random

import msgspec

from simulator import qr
from simulator.clock import VIETNAM
from simulator.dialect import (
    OTHER_ACCOUNT,
    Access,
    Ack,
    Command,
    Dialect,
    Endpoint,
    Merchants,
    Notice,
    Part,
    RefundOrder,
    Reply,
    Shape,
    assumed,
    worded,
)
from simulator.outbox import Retry
from simulator.payment import Channel, Merchant, Payment, Reason, Refund, RefundState, Refusal, State
from simulator.signing import hmac_sha256_hex, same, sha256_hex
from simulator.wire import JSON_TYPE, Answer, Headers, Outgoing, Request, Response, json_object, json_response

USUAL = {"gateway": "Vietcombank", "bin": "970436", "account": "0123499990", "sub_account": "", "code_prefix": "HS"}
"""What the merchant's options of these names are if they are not set."""

IN = frozenset({State.PAID})
REFUNDING_GATEWAY = "VietinBank"
# sepay-refunds: the codes that are told, with their statuses; the rest is assumed.
REFUSALS = {
    Reason.UNKNOWN_MERCHANT: (401, "unauthorized"),
    Reason.UNKNOWN_ORDER: (404, "not_found"),
    Reason.UNKNOWN_COMMAND: (422, "unsupported_bank"),
    Reason.MAINTENANCE: (422, "not_available"),
    Reason.BAD_SIGNATURE: (422, "idempotency_key_required"),
    Reason.TOO_SOON: (409, "idempotency_key_reused"),
    Reason.ALREADY_PAID: (422, "already_refunded"),
    Reason.NOT_PAID: (422, "not_refundable"),
    Reason.REFUND_ABOVE_PAYMENT: (422, "refund_amount"),
    Reason.REFUNDS_ABOVE_PAYMENT: (422, "refund_amount"),
    Reason.REFUND_REFUSED: (422, "refund_failed"),
}

# --- webhooks --------------------------------------------------------------------------------------------------


def callback(notice: Notice) -> Outgoing:
    """The webhook; its proof stands in the headers."""
    account, optional = {"accountNumber": OTHER_ACCOUNT}, ("subAccount", "description")
    body = msgspec.json.encode(worded(notice, _told(notice), merchant=account, optional=optional))
    prove = PROOFS.get(notice.merchant.options.get("auth", ""), _hmac)
    headers = (("content-type", JSON_TYPE), *prove(notice, body))
    return Outgoing("POST", notice.merchant.callback_url, headers, body)


def signature(webhook_secret: str, timestamp: int, body: bytes) -> str:
    """sha256= and 64 hex digits, over the time, a dot and the bytes as they are sent."""
    return f"sha256={hmac_sha256_hex(webhook_secret, b'%d.%b' % (timestamp, body))}"


def _hmac(notice: Notice, body: bytes) -> Headers:
    # sepay-webhooks#hmac: receivers refuse a time that is five minutes off, so every attempt is signed anew.
    timestamp = int(notice.now.timestamp())
    proof = signature(notice.merchant.secrets["webhook_secret"], timestamp, body)
    return (("x-sepay-signature", proof), ("x-sepay-timestamp", str(timestamp)))


def _api_key(notice: Notice, body: bytes) -> Headers:
    return (("authorization", f"Apikey {notice.merchant.secrets['api_key']}"),)


def _bearer(notice: Notice, body: bytes) -> Headers:
    return (("authorization", f"Bearer {notice.token}"),) if notice.token else ()


def _nothing(notice: Notice, body: bytes) -> Headers:
    return ()


# sepay-webhooks#auth: the four ways, chosen when the webhook is set up.
PROOFS: dict[str, Callable[[Notice, bytes], Headers]] = {
    "hmac": _hmac,
    "apikey": _api_key,
    "oauth2": _bearer,
    "none": _nothing,
}


def token_request(notice: Notice) -> Outgoing | None:
    """sepay-webhooks-oauth2: before a webhook the merchant's own token address is called."""
    merchant = notice.merchant
    if merchant.options.get("auth") != "oauth2":
        return None
    names = {"clientId": "client_id", "clientSecret": "client_secret"}
    body = msgspec.json.encode({name: merchant.secrets[secret] for name, secret in names.items()})
    return Outgoing("POST", merchant.options.get("token_url", ""), (("content-type", JSON_TYPE),), body)


def token(answer: Answer) -> str:
    """sepay-webhooks-oauth2: all three fields of `data` are demanded. Raises ValueError."""
    if not 200 <= answer.status < 300:
        raise ValueError(f"HTTP {answer.status}")
    data = json_object(answer.body).get("data")
    if not isinstance(data, dict):
        raise ValueError("no data")
    given, refresh, life_s = (data.get(name) for name in ("accessToken", "refreshToken", "expiredIn"))
    if not (isinstance(given, str) and re.fullmatch(r"[!-~]{1,4000}", given)):
        raise ValueError("no accessToken")
    if not isinstance(refresh, str) or type(life_s) is not int:
        raise ValueError("no refreshToken, or no whole number as expiredIn")
    return given


def _told(notice: Notice) -> dict[str, object]:
    """sepay-webhooks#fields, in the documents' order."""
    payment, merchant = notice.payment, notice.merchant
    refund = _refund_told(payment)
    at = refund.refunded_at if refund else payment.settled_at or notice.now
    content = payment.order.order_ref
    return {
        "id": int(transaction_id(payment, refund)),
        "gateway": _option(merchant, "gateway"),
        "transactionDate": f"{at.astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}",
        "accountNumber": _option(merchant, "account"),
        "code": payment_code(content, _option(merchant, "code_prefix")),
        "content": content,
        "transferType": "in" if payment.state in IN else "out",
        "transferAmount": refund.amount_vnd if refund else payment.amount_vnd,
        "accumulated": 0,
        "subAccount": _option(merchant, "sub_account") or None,
        "referenceCode": refund.bank_ref if refund else payment.bank_ref,
        "description": "",
    }


def _refund_told(payment: Payment) -> Refund | None:
    """Which refund a webhook tells of: the last of those that were made by then."""
    told = payment.state in (State.PARTLY_REFUNDED, State.REFUNDED)
    return payment.refunds[-1] if told and payment.refunds else None


def transaction_id(payment: Payment, refund: Refund | None = None) -> str:
    """Digits; that of money which came in is what a refund names."""
    direction = f"out.{refund.request_ref}" if refund else "in" if payment.state is not State.REVERSED else "out"
    return str(int(sha256_hex(f"{payment.payment_id}.{direction}".encode())[:12], 16))


def payment_code(content: str, prefix: str) -> str | None:
    """The first word of the transfer's text that begins with the prefix and goes on with a digit; None = none does."""
    found = re.search(rf"(?<![A-Za-z0-9]){re.escape(prefix)}[0-9][A-Za-z0-9]{{0,29}}", content, re.IGNORECASE)
    return found[0].upper() if found and prefix else None


def _option(merchant: Merchant, name: str) -> str:
    return merchant.options.get(name, USUAL[name])


def acknowledged(answer: Answer, notice: Notice) -> Ack:
    # sepay-webhooks#acknowledgement: a good status is not enough, the body must say success.
    if not 200 <= answer.status < 300:
        return Ack(False, answer.error or f"HTTP {answer.status}")
    try:
        success = json_object(answer.body).get("success")
    except ValueError as error:
        return Ack(False, str(error)[:200])
    return Ack(success is True, f"success {success}" if isinstance(success, bool) else "no success in the answer")


# --- refunds ---------------------------------------------------------------------------------------------------


def decode_refund(request: Request, merchants: Merchants) -> RefundOrder:
    """sepay-refunds: of one transaction, a part or all that is left, under a key that makes it happen once."""
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    merchant = merchants(bearer.partition(".")[0])
    if merchant is None or not same(bearer, merchant.secrets["api_token"]):
        raise Refusal(Reason.UNKNOWN_MERCHANT, "no API token of ours")
    if _option(merchant, "gateway") != REFUNDING_GATEWAY:
        raise Refusal(Reason.UNKNOWN_COMMAND, f"only {REFUNDING_GATEWAY} accounts are refunded from", merchant=merchant)
    if merchant.options.get("refunds", "on") != "on":
        raise Refusal(Reason.MAINTENANCE, "refunds are not switched on for this account", merchant=merchant)
    key = request.headers.get("x-idempotency-key", "")
    if not re.fullmatch(r"[!-~]{1,100}", key):
        raise Refusal(Reason.BAD_SIGNATURE, "X-Idempotency-Key: absent, or not 1 to 100 letters", merchant=merchant)
    name, amount = request.places.get("id", ""), _refund_amount(request, merchant)
    if not re.fullmatch(r"[0-9]{1,15}", name, re.ASCII):
        raise Refusal(Reason.UNKNOWN_ORDER, "no such transaction", merchant=merchant)
    return RefundOrder(
        merchant=merchant,
        name=name,
        request_ref=key,
        amount_vnd=amount,
        full=False,
        all_left=not amount,
        repeatable=True,
        claims={f"refund:{key}": Reason.TOO_SOON},
    )


def _refund_amount(request: Request, merchant: Merchant) -> int:
    """0 = all that is left."""
    try:
        amount = json_object(request.body).get("refund_amount") if request.body.strip() else None
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200], merchant=merchant) from error
    if amount is None:
        return 0
    if type(amount) is not int or not 0 < amount < 10**15:
        raise Refusal(Reason.REFUND_ABOVE_PAYMENT, "refund_amount: no whole number above 0", merchant=merchant)
    return amount


def judge(command: Command, payment: Payment | None, now: datetime) -> None:
    """A wholly refunded transaction has a code of its own, but not for the key that did it."""
    if not isinstance(command, RefundOrder) or payment is None or payment.state is not State.REFUNDED:
        return
    if payment.refund(command.request_ref) is None:
        raise Refusal(Reason.ALREADY_PAID, "nothing is left to refund", merchant=command.merchant)


def encode_refund(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(result, Refusal):
        status, code = REFUSALS.get(result.reason, (422, "invalid_request"))
        return json_response({"status": "error", "code": code, "message": str(result)[:300]}, status)
    assert result.payment is not None, "a refund is of a payment"
    assert result.refund is not None, "a refund that was made is told"
    told = {
        "refund_id": result.refund.bank_ref,
        "transaction_id": transaction_id(result.payment),
        "refund_amount": result.refund.amount_vnd,
        "status": "Success" if result.refund.state is RefundState.MADE else "Processing",
    }
    return json_response({"status": "success", "data": told})


def _names(payment: Payment) -> tuple[str, ...]:
    if payment.state in (State.PENDING, State.REVERSED):
        return ()
    return (transaction_id(payment), *(f"refund:{refund.request_ref}" for refund in payment.all_refunds))


def qr_text(payment: Payment, merchant: Merchant) -> str:
    """A VietQR code to the watched account; it names the amount where an instant transfer can carry it."""
    amount_vnd = payment.amount_vnd if 0 < payment.amount_vnd < qr.INSTANT_LIMIT_VND else None
    purpose = qr.plain(payment.order.order_ref)
    return qr.vietqr(_option(merchant, "bin"), _option(merchant, "account"), amount_vnd, purpose=purpose)


def _bank_ref(rng: Random, now: datetime) -> str:
    """Looks like MBVCB.3278907687."""
    return f"MBVCB.{rng.randrange(10**9, 10**12)}"


ASSUMPTIONS = (
    ("acknowledgement", "2xx with success true; 2xx without it is sent again", "pages differ: 2xx alone, both", ""),
    ("auth", "hmac; apikey, oauth2 and none by option, anything else is hmac", "accounts choose", "options.auth"),
    ("oauth2", "a token for every attempt, 15 s for it; without one nothing is sent", "not told", "options.token_url"),
    ("timestamp", "that of the attempt, not of the transfer", "retries would else be refused as too old", ""),
    ("retries", "auto retry is on", "it is a switch of the account", "retries"),
    ("id", "made from the payment and the direction, below 2^48", "a pure bank keeps no counter", ""),
    ("accumulated", "0", "a pure bank keeps no balance", ""),
    ("code", "the first word of prefix and digit, in capitals", "accounts set their own", "options.code_prefix"),
    ("out", "refunds, reversals even if their coming was not told, a told failure", "no failure has a message", ""),
    (
        "refund-state",
        "status Processing till it is made; refused 422 refund_failed, at once or when repeated; "
        "a webhook when it is made",
        "only success is told",
        "",
    ),
    ("description", "empty", "the real one may hold the bank's whole message", ""),
    ("instant", "a transfer is told at once", "banks take seconds to minutes", ""),
    ("api-token", "begins with the merchant's code and a dot", "a pure bank looks merchants up by code", ""),
    ("refund-transaction", "named by the webhook's id", "the list that names it otherwise is not simulated", ""),
    ("refund-answer", "done at once: refund_id, transaction_id, refund_amount, status", "only refund_id is told", ""),
    ("refund-key", "a used key is 409 for other transactions and amounts", "for another content of the request", ""),
    ("refund-errors", "status, code and message; amounts too high have code refund_amount", "codes alone are told", ""),
    ("refund-not-available", "refunds = off by option", "accounts are switched on by hand", "options.refunds"),
)

DIALECT = Dialect(
    code="sepay",
    name="SePay (webhook chuyển khoản)",
    shape=Shape.ADVICE,
    channels=(Channel.QR, Channel.INTERNET_BANKING, Channel.MOBILE),
    endpoints=(
        Endpoint(
            operation="refund",
            method="POST",
            path="/v2/transactions/{id}/refund",
            decode=decode_refund,
            encode=encode_refund,
        ),
    ),
    callback=callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.OPTIONAL, Part.UNKNOWN}),
    acknowledged=acknowledged,
    access=Access(ask=token_request, read=token),
    # sepay-webhooks#retries: minutes 1, 1, 2, 3, 5, 8, 13; 30 s for the whole exchange.
    tells_refunds=frozenset({RefundState.MADE, RefundState.PENDING}),
    retry=Retry(delays_s=(60, 60, 120, 180, 300, 480, 780), timeout_s=30),
    drops_after_s=5 * 3600,  # sepay-webhooks#retries
    announces=frozenset({State.PAID, State.PARTLY_REFUNDED, State.REFUNDED, State.REVERSED}),
    secrets=("api_key", "webhook_secret", "client_id", "client_secret", "api_token"),
    bank_ref=_bank_ref,
    qr_text=qr_text,
    names=_names,
    judge=judge,
    sources=("sepay-webhooks", "sepay-webhooks-oauth2", "sepay-refunds", "sepay-clients"),
    assumptions=assumed("sepay", ASSUMPTIONS),
)
