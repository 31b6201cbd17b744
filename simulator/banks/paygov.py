"""PayGov behind a provincial integration platform (LGSP): token, paygate, the result by callback, and receipts.

Rule: the checksum of paygate and of the result is not public, so both formulas here are this project's own; only the
checksum of a receipt is known. A merchant's option "variant" is "dongthap" (a token is asked for) or "haugiang".
"""

import base64
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import quote

import msgspec

from simulator import form
from simulator.clock import compact, parse_compact
from simulator.dialect import (
    Ack,
    Ask,
    Command,
    Create,
    Dialect,
    Endpoint,
    GetReceipt,
    Merchants,
    Notice,
    Part,
    Reply,
    Shape,
    assumed,
    worded,
)
from simulator.outbox import Retry
from simulator.payment import COLLECTED, Channel, Merchant, Order, Payment, Reason, Refusal, State
from simulator.receipt import NUMBER_MAX, Receipt, receipt_pdf
from simulator.signing import hmac_sha256_hex, same, secret_sha256_hex, sha256_hex
from simulator.wire import JSON_TYPE, Answer, Outgoing, Request, Response, is_web_address, json_object, json_response

Fields = dict[str, object]
Texts = dict[str, str]

ISSUER = "PayGov (giả lập)"
ROOT = "/api/v1/PayGov"
TOKEN_LIFE = timedelta(hours=24)
NEEDED = ("partnerCode", "returnUrl", "orderId", "orderInfo", "requestCode", "ipAddress")  # paygov-opencps#paygate
HAUGIANG = ("checksum", "accessKey", "serviceCode")  # paygov-opencps#paygate: what that province adds
ORDER_SIGNED = (
    *("partnerCode", "returnUrl", "orderId", "amount", "orderInfo", "requestCode", "ipAddress"),
    *("accessKey", "serviceCode"),
)
LENGTHS = {"returnUrl": 2000, "orderInfo": 500}
LENGTH_USUAL = 100
# paygov-opencps#result: the names in the callback and in the browser's return.
RESULT = (
    *("amount", "orderId", "orderInfo", "requestCode", "transactionNo", "transactionCode"),
    *("payDate", "errorCode", "paygate", "type"),
)
# paygov-opencps-receipt#checksum: in this order, behind the secret.
RECEIPT = (
    *("partnerCode", "accessKey", "payerId", "payerName", "payerAddress", "payerDistrict", "payerProvince"),
    *("docCode", "procedureName", "paids", "otherInfo", "decisionDate"),
)


def _over_pairs(fields: Mapping[str, str], secret: str) -> str:
    """HMAC-SHA256 of name=value pairs sorted by name and joined by "&"."""
    pairs = "&".join(f"{name}={text}" for name, text in sorted(fields.items()))
    return hmac_sha256_hex(secret, pairs.encode())


def _over_values(fields: Mapping[str, str], secret: str) -> str:
    """As a receipt's: SHA-256 of the secret and the values in their order, without separators."""
    return secret_sha256_hex((secret + "".join(fields.values())).encode())


FORMULAS: Mapping[str, Callable[[Mapping[str, str], str], str]] = {
    "hmac-sha256": _over_pairs,
    "sha256": _over_values,
}
"""By a merchant's option "checksum"; each gives 64 lower-case hex digits."""


def checksum(fields: Mapping[str, str], merchant: Merchant) -> str:
    formula = FORMULAS.get(merchant.options.get("checksum", ""), _over_pairs)
    return formula(fields, merchant.secrets["secret_key"])


def receipt_checksum(fields: Mapping[str, str], secret: str) -> str:
    return _over_values({name: fields.get(name, "") for name in RECEIPT}, secret)


def _decode_token(request: Request, merchants: Merchants) -> Ask:
    """The header Auth is two Base64 words joined by a colon; what they say is our assumption."""
    words = request.headers.get("auth", "").split(":")
    try:
        partner, password = (base64.b64decode(word, validate=True).decode() for word in words)
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, "Auth is not two words in Base64") from error
    merchant = merchants(partner)
    if merchant is None or not same(password, merchant.secrets["password"]):
        raise Refusal(Reason.UNKNOWN_MERCHANT, "Auth")
    return Ask(merchant=merchant)


def _decode_paygate(request: Request, merchants: Merchants) -> Create:
    body, wire = _opened(request, NEEDED)
    merchant, until = _admitted(request, wire["partnerCode"], merchants)
    needed = (*NEEDED, *HAUGIANG) if _in_haugiang(merchant) else NEEDED
    wire = _texts(body, needed)
    missing = [name for name in needed if not wire[name] and name != "orderInfo"]
    if missing:
        raise Refusal(Reason.MALFORMED, f"{missing[0]} is missing", merchant=merchant)
    if not is_web_address(wire["returnUrl"]):
        raise Refusal(Reason.MALFORMED, "returnUrl is no http or https address", merchant=merchant)
    amount_vnd = body.get("amount")
    if _in_haugiang(merchant):
        _check_order(wire | {"amount": str(amount_vnd)}, merchant)
    if type(amount_vnd) is not int or not 0 < amount_vnd < 10**15:
        raise Refusal(Reason.INVALID_AMOUNT, f"amount: {str(amount_vnd)[:40]}", merchant=merchant)
    order = Order(
        order_ref=wire["orderId"],
        order_key=wire["requestCode"],
        amount_vnd=amount_vnd,
        description=wire["orderInfo"],
        return_url=wire["returnUrl"],
        client_ip=wire["ipAddress"],
        wire={"requestCode": wire["requestCode"], "serviceCode": wire.get("serviceCode", "")},
    )
    plain = wire["orderInfo"].isascii()
    warnings = () if plain else ("orderInfo has diacritics, the known client strips them",)
    return Create(merchant=merchant, wire={"until": until}, order=order, warnings=warnings)


def _check_order(fields: Texts, merchant: Merchant) -> None:
    if fields["accessKey"] != merchant.options.get("access_key"):
        raise Refusal(Reason.UNKNOWN_MERCHANT, "accessKey", merchant=merchant)
    if not same(fields["checksum"], checksum({name: fields[name] for name in ORDER_SIGNED}, merchant)):
        raise Refusal(Reason.BAD_SIGNATURE, "checksum", merchant=merchant)


def _decode_verify(request: Request, merchants: Merchants) -> Ask:
    """CheckSumUrlReturn: whether what a browser has brought is PayGov's own."""
    body, _ = _opened(request, ())
    wire = _texts(body, (*RESULT, "checksum", "partnerCode"))
    partner = wire["partnerCode"] or _bearer(request).rpartition(".")[0].rpartition(".")[0]
    merchant, until = _admitted(request, partner, merchants)
    if not same(wire["checksum"], checksum({name: wire[name] for name in RESULT}, merchant)):
        raise Refusal(Reason.BAD_SIGNATURE, "checksum", merchant=merchant)
    return Ask(merchant=merchant, wire={"until": until})


def _decode_receipt(request: Request, merchants: Merchants) -> GetReceipt:
    _, wire = _opened(request, (*RECEIPT, "checksum"))
    merchant = merchants(wire["partnerCode"])
    if merchant is None or not same(request.headers.get("lgspaccesstoken", ""), merchant.secrets["lgsp_token"]):
        raise Refusal(Reason.UNKNOWN_MERCHANT, "partnerCode or lgspaccesstoken")
    if wire["accessKey"] != merchant.options.get("access_key"):
        raise Refusal(Reason.UNKNOWN_MERCHANT, "accessKey", merchant=merchant)
    if not same(wire["checksum"], receipt_checksum(wire, merchant.secrets["secret_key"])):
        raise Refusal(Reason.BAD_SIGNATURE, "checksum", merchant=merchant)
    return GetReceipt(merchant=merchant, wire=wire, name=_paid_code(wire["paids"], merchant))


def _paid_code(paids: str, merchant: Merchant) -> str:
    """The one transactionCode of paids: a JSON list in Base64."""
    try:
        codes = msgspec.json.decode(base64.b64decode(paids, validate=True), type=list[str])
    except (ValueError, RecursionError) as error:
        raise Refusal(Reason.MALFORMED, "paids is no list of texts in Base64", merchant=merchant) from error
    if len(codes) != 1 or not 0 < len(codes[0]) <= LENGTH_USUAL or "\x00" in codes[0]:
        raise Refusal(Reason.MALFORMED, "paids must name one transactionCode", merchant=merchant)
    return codes[0]


def _decode_pdf(request: Request, merchants: Merchants) -> GetReceipt:
    places = request.places
    code = places.get("code", "")
    merchant = merchants(places.get("partner", ""))
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, "partner")
    if not same(places.get("proof", ""), _proof(code, merchant)):
        raise Refusal(Reason.BAD_SIGNATURE, "proof", merchant=merchant)
    return GetReceipt(merchant=merchant, name=code)


def _proof(code: str, merchant: Merchant) -> str:
    return hmac_sha256_hex(merchant.secrets["secret_key"], f"receipt|{code}".encode())


def _opened(request: Request, names: tuple[str, ...]) -> tuple[Fields, Texts]:
    try:
        body = json_object(request.body)
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error
    return body, _texts(body, names)


def _texts(body: Fields, names: tuple[str, ...]) -> Texts:
    """paygov-opencps#paygate: the client writes whatever looks like a number as one; absent counts as empty."""
    return {name: _text(body.get(name), name) for name in names}


def _text(value: object, name: str) -> str:
    text = "" if value is None else str(value) if type(value) in (str, int) else None
    longest = LENGTHS.get(name, 4000 if name in RECEIPT else LENGTH_USUAL)
    if text is None or "\x00" in text or len(text) > longest:
        raise Refusal(Reason.MALFORMED, f"{name} must be a text of at most {longest} characters")
    return text


def _in_haugiang(merchant: Merchant) -> bool:
    return merchant.options.get("variant") == "haugiang"


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token if kind == "Bearer" else ""


def _admitted(request: Request, partner: str, merchants: Merchants) -> tuple[Merchant, str]:
    """(whose tokens the headers carry, until when they are good: "" = for ever). Raises Refusal."""
    merchant, token = merchants(partner), _bearer(request)
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, "partnerCode")
    if _in_haugiang(merchant):
        known = same(token, merchant.secrets["token"])
        also = same(request.headers.get("lgspaccesstoken", ""), merchant.secrets["lgsp_token"])
        until, good = "", known and also
    else:
        until = token.rpartition(".")[0].rpartition(".")[2]
        good = re.fullmatch(r"[0-9]{14}", until) is not None and same(token, _token(merchant, until))
    if not good:
        raise Refusal(Reason.UNKNOWN_MERCHANT, "Bearer or lgspaccesstoken", merchant=merchant)
    return merchant, until


def _token(merchant: Merchant, until: str, kind: str = "token") -> str:
    """PARTNER.20261123100000.<MAC>: PayGov keeps no list of tokens here."""
    text = f"{kind}|{merchant.merchant_code}|{until}".encode()
    return f"{merchant.merchant_code}.{until}.{hmac_sha256_hex(merchant.secrets['password'], text)}"


def _judge(command: Command, payment: Payment | None, now: datetime) -> None:
    until = command.wire.get("until")
    if until and parse_compact(until) <= now:
        raise Refusal(Reason.UNKNOWN_MERCHANT, f"the token was good until {until}", merchant=command.merchant)


def _encode(
    accepted: Callable[[Command, Reply], Response],
    request: Request,
    command: Command | None,
    result: Reply | Refusal,
) -> Response:
    if isinstance(result, Refusal):
        status = 401 if result.reason is Reason.UNKNOWN_MERCHANT else 200
        return json_response({"error_code": "FAILED", "error_message": str(result.reason)}, status)
    assert command is not None, "only what was understood is replied to"
    return accepted(command, result)


def _token_given(command: Command, reply: Reply) -> Response:
    # paygov-opencps#token
    until = compact(reply.now + TOKEN_LIFE)
    tokens = {"token": _token(command.merchant, until), "refreshToken": _token(command.merchant, until, "refresh")}
    return json_response({**tokens, "expiryDate": until})


def _opened_page(command: Command, reply: Reply) -> Response:
    return json_response({"error_code": "SUCCESSFUL", "data": {"url": reply.page_url}})  # paygov-opencps#paygate


def _verified(command: Command, reply: Reply) -> Response:
    return json_response({"error_code": "SUCCESSFUL"})  # paygov-opencps#checksum


def _receipt_given(command: Command, reply: Reply) -> Response:
    assert reply.payment is not None, "a receipt is of a payment"
    merchant, code = command.merchant, _transaction_code(reply.payment)
    here = reply.page_url.removesuffix(f"/pay/{reply.payment.payment_id}")
    path = "/".join(quote(each, safe="") for each in (merchant.merchant_code, code, _proof(code, merchant)))
    return json_response({"transactionReceipt": f"{here}/paygov{ROOT}/receipts/{path}"})


def _pdf_given(command: Command, reply: Reply) -> Response:
    assert reply.payment is not None, "a receipt is of a payment"
    payment, merchant = reply.payment, command.merchant
    receipt = Receipt(
        number=int(sha256_hex(payment.payment_id.encode())[:12], 16) % NUMBER_MAX + 1,
        issued_at=payment.settled_at or payment.created_at,
        collector_name=merchant.name,
        issuer_name=ISSUER,
        payer_name="",
        bill_code=payment.order.order_ref,
        bank_ref=payment.bank_ref,
        fees=((payment.order.description, payment.amount_vnd),),
        amount_vnd=payment.amount_vnd,
    )
    return Response(200, (("content-type", "application/pdf"),), receipt_pdf(receipt))


def _transaction_code(payment: Payment) -> str:
    return f"PG{payment.bank_ref}"


def _names(payment: Payment) -> tuple[str, ...]:
    """What a receipt is asked for by."""
    return (_transaction_code(payment),)


def _result(payment: Payment) -> Texts:
    return {
        "amount": str(payment.amount_vnd),
        "orderId": payment.order.order_ref,
        "orderInfo": payment.order.description,
        "requestCode": payment.order.wire.get("requestCode", ""),
        "transactionNo": payment.bank_ref,
        "transactionCode": _transaction_code(payment),
        "payDate": compact(payment.settled_at or payment.created_at),
        "errorCode": "00" if payment.state in COLLECTED else "99",
        "paygate": payment.issuer_code or "PAYGOV",
        "type": "PAY",
    }


def _sealed(fields: Texts, merchant: Merchant) -> Texts:
    return {**fields, "checksum": checksum(fields, merchant)}


def _callback(notice: Notice) -> Outgoing:
    payment, merchant = notice.payment, notice.merchant
    told = _sealed(worded(notice, _result(payment)), merchant)
    body = msgspec.json.encode({**told, "amount": payment.amount_vnd})
    return Outgoing("POST", merchant.callback_url, (("content-type", JSON_TYPE),), body)


def _acknowledged(answer: Answer, notice: Notice) -> Ack:
    # paygov-opencps#acknowledgement: error_code SUCCESSFUL or FAILED.
    if answer.status != 200:
        return Ack(False, answer.error or f"HTTP {answer.status}")
    try:
        code = json_object(answer.body).get("error_code")
    except ValueError as error:
        return Ack(False, str(error)[:200])
    return Ack(code == "SUCCESSFUL", f"error_code {code[:40]}" if isinstance(code, str) else "no error_code")


def _return_url(payment: Payment, merchant: Merchant) -> str:
    return form.added(payment.order.return_url, form.written(_sealed(_result(payment), merchant)))


ASSUMPTIONS = (
    (
        "checksum",
        "HMAC-SHA256 over sorted name=value pairs; or as a receipt's",
        "the formula is not public",
        "options.checksum",
    ),
    ("checksum-fields", "of paygate: all sent; of a result: all but itself", "the formula is not public", ""),
    ("auth", "Auth is partnerCode and a password, each in Base64", "only its form is known", ""),
    ("token", "24 h, expiryDate yyyyMMddHHmmss; refreshToken renews nothing", "only the names are known", ""),
    ("haugiang", "a static Bearer token and lgspaccesstoken, both to the letter", "settings there", "options.variant"),
    ("duplicates", "a requestCode is used once; an orderId may come again", "orderId is the dossier's", ""),
    ("errors", "errorCode 99 for every failure; error_code FAILED for every refusal", "only 00 is known", ""),
    ("http-status", "401 without a good token or partner, else 200", "no answer is recorded", ""),
    ("check-sum-url-return", "takes a result's fields, and partnerCode where no token tells it", "only its name", ""),
    ("result", "transactionCode is PG and transactionNo, type PAY, paygate a bank or PAYGOV", "no sample", ""),
    ("pay-date", "yyyyMMddHHmmss in GMT+7", "no sample is known", ""),
    ("announced", "paid, failed, cancelled, expired, reversed", "nothing tells which", ""),
    ("retries", "1, 5, 15, 30 min, 1 and 2 h; 30 s for an answer", "no schedule is public", "retries"),
    ("acknowledgement", "HTTP 200 with SUCCESSFUL; all else is sent again", "no rule is public", ""),
    ("query", "there is none", "no known client asks for a state", ""),
    ("receipt", "for one transactionCode, its address good for ever, without the payer", "no receipt is public", ""),
    ("page-life", "15 min to pay", "no limit is public", ""),
)

DIALECT = Dialect(
    code="paygov",
    name="PayGov qua LGSP của tỉnh",
    shape=Shape.SERVER_CREATE,
    channels=(Channel.INTERNET_BANKING, Channel.QR, Channel.CARD),
    endpoints=tuple(
        Endpoint(operation=operation, method=method, path=path, decode=decode, encode=partial(_encode, accepted))
        for operation, method, path, decode, accepted in (
            ("create", "POST", f"{ROOT}/paygate", _decode_paygate, _opened_page),
            ("ask", "POST", "/api/v1/Authentication/Token", _decode_token, _token_given),
            ("ask", "POST", f"{ROOT}/CheckSumUrlReturn", _decode_verify, _verified),
            ("receipt", "POST", f"{ROOT}/receipt", _decode_receipt, _receipt_given),
            ("receipt", "GET", f"{ROOT}/receipts/{{partner}}/{{code}}/{{proof}}", _decode_pdf, _pdf_given),
        )
    ),
    callback=_callback,
    parts=frozenset({Part.ORDER, Part.UNKNOWN}),
    acknowledged=_acknowledged,
    retry=Retry(delays_s=(60, 300, 900, 1800, 3600, 7200), timeout_s=30),
    announces=frozenset({State.PAID, State.FAILED, State.CANCELLED, State.EXPIRED, State.REVERSED}),
    return_url=_return_url,
    secrets=("secret_key", "password", "token", "lgsp_token"),
    names=_names,
    judge=_judge,
    sources=("paygov-opencps", "paygov-opencps-receipt"),
    assumptions=assumed("paygov", ASSUMPTIONS),
)
