"""OnePay: the unified pay gate and the two gateways before it, a product each; queryDR; callback and return in vpc_*.

Rule: money on this wire is dong times 100; signed are raw vpc_ and user_ values in ASCII order, under a key in hex.
"""

import re
from collections.abc import Iterable, Mapping
from functools import partial
from urllib.parse import quote_plus

import msgspec

from simulator import form
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
    Reply,
    Shape,
    assumed,
    worded,
)
from simulator.outbox import Retry
from simulator.payment import COLLECTED, Channel, Merchant, Order, Outcome, Payment, Reason, Refusal, State, ThreeDS
from simulator.signing import hmac_sha256_hex, same
from simulator.wire import FORM_TYPE, Answer, Outgoing, Request, Response, is_web_address, redirect, text_response

Fields = Mapping[str, str]


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """One gateway: `amount_digits` is how long vpc_Amount may be by its document, `old_query` its own queryDR."""

    code: str
    name: str
    path: str
    channels: tuple[Channel, ...]
    amount_digits: int
    needs_currency: bool = True
    old_query: str = ""


def _wire(names: str) -> tuple[str, ...]:
    return tuple(f"vpc_{name}" for name in names.split())


PAY = _wire("Version Command AccessCode Merchant Locale ReturnURL MerchTxnRef OrderInfo Amount TicketNo")
PAY_OPTIONAL = _wire("Currency CallbackURL CardList")
QUERY = _wire("Version Command AccessCode Merchant MerchTxnRef User Password")
SIGNATURE = _wire("SecureHash SecureHashType")
# onepay-clients#fields: lengths; a return address of more than the documented 64 characters is usual.
_FORMS = {
    "Version": r"[12]",
    "Command": r".{1,16}",
    "AccessCode": r".{1,8}",
    "Merchant": r".{1,16}",
    "Locale": r"vn|en",
    "ReturnURL": r".{10,255}",
    "CallbackURL": r".{10,255}",
    "MerchTxnRef": r".{1,34}",
    "OrderInfo": r".{1,32}",
    "Amount": r"[0-9]{1,14}",
    "Currency": r".{3}",
    "TicketNo": r".{1,45}",
    "CardList": r".{1,64}",
    "User": r".{1,64}",
    "Password": r".{1,64}",
}
FORMS = {f"vpc_{name}": re.compile(form) for name, form in _FORMS.items()}
LONGEST = {"vpc_TicketNo": 15, "vpc_Customer_Phone": 16, "vpc_Customer_Email": 24, "vpc_Customer_Id": 64}
UNSIGNED_NEEDED = ("AgainLink", "Title")
PLAIN = re.compile(r"[ -~]*")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
FIELDS_MAX = 100

# onepay-clients#codes; a card and an account have numbers of their own for the same trouble.
DOMESTIC_CODES = {
    Outcome.SUCCESS: "0",
    Outcome.SUSPECTED_FRAUD: "300",
    Outcome.NOT_REGISTERED: "11",
    Outcome.WRONG_DETAILS: "22",
    Outcome.TIMED_OUT: "253",
    Outcome.ACCOUNT_LOCKED: "23",
    Outcome.WRONG_OTP: "25",
    Outcome.CANCELLED: "99",
    Outcome.INSUFFICIENT_FUNDS: "21",
    Outcome.OVER_LIMIT: "13",
    Outcome.MAINTENANCE: "1",
    Outcome.WRONG_PASSWORD: "22",
    Outcome.REVERSED: "7",
    Outcome.UNKNOWN: "300",
    Outcome.OTHER: "1",
}
DOMESTIC_CARD_CODES = DOMESTIC_CODES | {Outcome.WRONG_DETAILS: "24", Outcome.ACCOUNT_LOCKED: "10"}
INTERNATIONAL_CODES = DOMESTIC_CODES | {
    Outcome.NOT_REGISTERED: "8",
    Outcome.WRONG_DETAILS: "E",
    Outcome.ACCOUNT_LOCKED: "9",
    Outcome.WRONG_OTP: "F",
    Outcome.INSUFFICIENT_FUNDS: "5",
    Outcome.OVER_LIMIT: "5",
    Outcome.MAINTENANCE: "6",
    Outcome.WRONG_PASSWORD: "B",
}
UNPROVED = {"N": "F", "R": "B"}  # onepay-clients#codes: by what 3-D Secure said
VERIFICATIONS = {"Y": "Y", "A": "M", "U": "U"}  # onepay-samples#3ds: Y and M were seen, the others are the gateway's
IN_PROGRESS = "100"  # onepay-clients#codes: not paid yet, so not final
ENDED = {  # What a state means where the outcome would contradict it.
    State.REVERSED: Outcome.REVERSED,
    State.CANCELLED: Outcome.CANCELLED,
    State.EXPIRED: Outcome.TIMED_OUT,
    State.SUSPECTED: Outcome.SUSPECTED_FRAUD,
}
CARD_TYPES = {"VISA": "VC", "MASTERCARD": "MC", "JCB": "JC", "AMEX": "AE"}  # onepay-clients#return
CARD_LISTS = frozenset({*CARD_TYPES.values(), "INTERNATIONAL"})  # onepay-samples#card-list
BINS = {  # sbv-1589: numbers of the banks that payers choose most
    "VIETCOMBANK": "970436",
    "VIETINBANK": "970415",
    "BIDV": "970418",
    "AGRIBANK": "970405",
    "TECHCOMBANK": "970407",
    "MBBANK": "970422",
    "ACB": "970416",
    "SACOMBANK": "970403",
    "VPBANK": "970432",
    "TPBANK": "970423",
}
# onepay-clients#codes: the domestic gateway's numbers; that a page shows them, and 7 for all else, is ours.
PAGE_REFUSALS = {Reason.UNKNOWN_MERCHANT: "3", Reason.INVALID_AMOUNT: "5", Reason.INVALID_CURRENCY: "6"}
ERROR_TEXTS = {
    "3": ("Không tìm thấy đơn vị chấp nhận thẻ.", "The merchant does not exist."),
    "4": ("Mã truy cập không đúng.", "The access code is wrong."),
    "5": ("Số tiền không hợp lệ.", "The amount is invalid."),
    "6": ("Loại tiền tệ không hợp lệ.", "The currency is invalid."),
    "7": ("Yêu cầu thanh toán không hợp lệ.", "The payment request is not valid."),
}
CONFIRMED = b"responsecode=1&desc=confirm-success"  # onepay-guide#ipn


def signed_text(fields: Fields) -> str:
    """onepay-clients#signature: "MerchTxnRef" stands before "Merchant", as T does before a."""
    return "&".join(f"{name}={fields[name]}" for name in sorted(_to_sign(fields)))


def secure_hash(secret: str, text: str) -> str:
    """64 upper-case hex digits. The secret is the key's bytes in hex; one that is no hex stands for itself."""
    try:
        key = bytes.fromhex(secret)
    except ValueError:
        key = secret.encode()
    return _mac(key, text)


def _mac(key: bytes, text: str) -> str:
    return hmac_sha256_hex(key, text.encode()).upper()


def _to_sign(fields: Fields) -> list[str]:
    ours = (name for name in fields if name.startswith(("vpc_", "user_")) and name not in SIGNATURE)
    return [name for name in ours if fields[name]]


def _decode_pay(product: Product, request: Request, merchants: Merchants) -> Create:
    fields = _read(request.query)
    _check(fields, (*PAY, "vpc_Currency") if product.needs_currency else PAY, PAY_OPTIONAL)
    if fields["vpc_Version"] != "2":
        raise Refusal(Reason.MALFORMED, "vpc_Version is not 2")
    for name in ("vpc_ReturnURL", "vpc_CallbackURL"):
        if fields.get(name) and not is_web_address(fields[name]):
            raise Refusal(Reason.MALFORMED, f"{name} is no http or https address")
    merchant = _identified("pay", fields, merchants)
    warnings = (*_judge(fields, merchant), *_remarks(product, fields))
    amount_vnd, rest = divmod(int(fields["vpc_Amount"]), 100)
    if rest or amount_vnd == 0:
        raise Refusal(Reason.INVALID_AMOUNT, f"vpc_Amount {fields['vpc_Amount']} is no whole dong times 100")
    if (fields.get("vpc_Currency") or "VND") != "VND":
        raise Refusal(Reason.INVALID_CURRENCY, fields["vpc_Currency"])
    return Create(merchant=merchant, wire=fields, warnings=warnings, order=_order(product, fields, amount_vnd))


def _order(product: Product, fields: Fields, amount_vnd: int) -> Order:
    listed = set(fields.get("vpc_CardList", "").upper().split(","))
    by_card = product.channels == (Channel.CARD,) or listed <= CARD_LISTS
    return Order(
        order_ref=fields["vpc_MerchTxnRef"],
        order_key=fields["vpc_MerchTxnRef"],
        amount_vnd=amount_vnd,
        description=fields["vpc_OrderInfo"],
        return_url=fields["vpc_ReturnURL"],
        channel=Channel.CARD if by_card else None,
        locale="en" if fields["vpc_Locale"] == "en" else "vi",
        client_ip=fields["vpc_TicketNo"],
        wire={"vpc_CallbackURL": fields.get("vpc_CallbackURL", "")},
    )


def _remarks(product: Product, fields: Fields) -> Iterable[str]:
    for name in UNSIGNED_NEEDED:
        if not fields.get(name):
            yield f"{name} is absent, the documents demand it"
    for name, longest in (("vpc_Amount", product.amount_digits), *LONGEST.items()):
        if len(fields.get(name, "")) > longest:
            yield f"{name} is longer than the documented {longest}"
    info = fields["vpc_OrderInfo"]
    if PLAIN.fullmatch(info) is None or set(info) & set("(/&?"):
        yield "vpc_OrderInfo has diacritics or one of ( / & ?, the documents exclude them"


def _decode_query(version: str, request: Request, merchants: Merchants) -> Query:
    """The older addresses take version 1 and, as clients use them, no signature; a signature that is there must fit."""
    fields = _read(request.body if version == "2" else request.query)
    _check(fields, QUERY, ())
    if fields["vpc_Version"] > version:
        raise Refusal(Reason.MALFORMED, f"vpc_Version {fields['vpc_Version']} at the address of {version}")
    merchant = _identified("queryDR", fields, merchants)
    known = merchant.options.get("user", fields["vpc_User"]), merchant.secrets["password"]
    if not same("\n".join((fields["vpc_User"], fields["vpc_Password"])), "\n".join(known)):
        raise Refusal(Reason.UNKNOWN_MERCHANT, "vpc_User or vpc_Password is wrong")
    signed = version == "2" or bool(fields.get("vpc_SecureHash"))
    warnings = _judge(fields, merchant) if signed else ("the query is not signed, as old clients do it",)
    return Query(merchant=merchant, wire=fields, warnings=warnings, order_key=fields["vpc_MerchTxnRef"])


def _read(raw: bytes) -> dict[str, str]:
    pieces = form.pieces(raw)
    if len(pieces) > FIELDS_MAX:
        raise Refusal(Reason.MALFORMED, f"there are more than {FIELDS_MAX} fields")
    try:
        return form.fields(pieces)
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error


def _check(fields: Fields, needed: Iterable[str], optional: Iterable[str]) -> None:
    for name, text in fields.items():
        if CONTROL.search(text):
            raise Refusal(Reason.MALFORMED, f"{name[:40]} has a control character")
    for name in (*needed, *(name for name in optional if fields.get(name))):
        if FORMS[name].fullmatch(fields.get(name, "")) is None:
            raise Refusal(Reason.MALFORMED, f"{name}: {fields.get(name, '')[:40]!r}")


def _identified(command: str, fields: Fields, merchants: Merchants) -> Merchant:
    if fields["vpc_Command"] != command:
        raise Refusal(Reason.UNKNOWN_COMMAND, fields["vpc_Command"])
    merchant = merchants(fields["vpc_Merchant"])
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, fields["vpc_Merchant"])
    if merchant.options.get("access_code", fields["vpc_AccessCode"]) != fields["vpc_AccessCode"]:
        raise Refusal(Reason.UNKNOWN_MERCHANT, "vpc_AccessCode is wrong", wire={"code": "4"})
    return merchant


def _judge(fields: Fields, merchant: Merchant) -> tuple[str, ...]:
    """Remarks on a signature that fits. Raises Refusal, which names the mistake where it is a usual one."""
    given, secret = fields.get("vpc_SecureHash", ""), merchant.secrets["secret"]
    if same(given.upper(), secure_hash(secret, signed_text(fields))):
        return () if given == given.upper() else ("vpc_SecureHash is in lower case, documented is upper case",)
    raise Refusal(Reason.BAD_SIGNATURE, f"vpc_SecureHash {_mistake(fields, given.upper(), secret)}")


def _mistake(fields: Fields, given: str, secret: str) -> str:
    names = sorted(_to_sign(fields))
    text = signed_text(fields)
    by_letter = "&".join(f"{name}={fields[name]}" for name in sorted(names, key=str.lower))
    escaped = "&".join(f"{name}={quote_plus(fields[name])}" for name in names)
    known = {
        _mac(secret.encode(), text): "has the key as text, not as bytes in hex",
        secure_hash(secret, by_letter): "sorts the names without regard to case, not by ASCII",
        secure_hash(secret, escaped): "covers escaped values, not raw ones",
        "": "is missing",
    }
    return known.get(given, "is as long as MD5, version 2 takes HMAC-SHA256" if len(given) == 32 else "is wrong")


def _encode_pay(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(result, Refusal):
        code = result.wire.get("code") or PAGE_REFUSALS.get(result.reason, "7")
        return redirect(f"error.op?vpc_TxnResponseCode={code}")
    return redirect(result.page_url)


def _encode_query(version: str, request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    """onepay-clients#querydr: form-encoded text, empty values and all."""
    if isinstance(result, Refusal):
        code = "" if command else result.wire.get("code") or PAGE_REFUSALS.get(result.reason, "7")
        told = {"vpc_Message": str(result.reason), "vpc_TxnResponseCode": code}
    else:
        assert result.payment is not None, "a query is of a payment"
        told = {"vpc_DRExists": "Y"} | _told(result.payment)
    echoed = {name: command.wire[name] for name in _wire("MerchTxnRef Merchant")} if command else {}
    names = _wire(
        "DRExists AdditionData Amount Command CurrencyCode Locale MerchTxnRef Merchant Message OrderInfo"
        " TransactionNo TxnResponseCode Version"
    )
    fields = dict.fromkeys(names, "") | {"vpc_DRExists": "N", "vpc_Command": "queryDR"} | echoed | told
    fields |= {"vpc_Version": version, "vpc_Command": "queryDR"}
    if version == "2" and command is not None:  # Nobody unknown is given a signature.
        fields["vpc_SecureHash"] = secure_hash(command.merchant.secrets["secret"], signed_text(fields))
    return text_response(form.written(fields))


def _told(payment: Payment) -> dict[str, str]:
    """onepay-clients#return: what callback, return and queryDR say of a payment; what is not known is empty."""
    order, code = payment.order, _code(payment)
    fields = {
        "vpc_AdditionData": _bin(payment),
        "vpc_Amount": str(payment.amount_vnd * 100),
        "vpc_Command": "pay",
        "vpc_CurrencyCode": "VND",
        "vpc_Locale": "en" if order.locale == "en" else "vn",
        "vpc_MerchTxnRef": order.order_ref,
        "vpc_Merchant": payment.merchant_code,
        "vpc_OrderInfo": order.description,
        "vpc_TransactionNo": payment.bank_ref,
        "vpc_TxnResponseCode": code,
        "vpc_Version": "2",
    }
    if _is_international(payment):
        fields["vpc_Message"] = "Approved" if code == "0" else (payment.outcome or payment.state).replace("_", " ")
        fields["vpc_Card"] = CARD_TYPES.get(payment.issuer_code, "")
        fields["vpc_CardNum"] = payment.payer_account
        fields["vpc_AuthorizeId"] = payment.bank_ref[-6:] if payment.state in COLLECTED else ""
        fields |= _authenticated(payment.three_ds)
    return fields


def _authenticated(said: ThreeDS | None) -> dict[str, str]:
    """onepay-samples#3ds: what the issuer said of the holder; nothing where it was not asked."""
    if said is None:
        return {}
    return {
        "vpc_VerType": "3DS",
        "vpc_VerStatus": VERIFICATIONS.get(said.status, "N"),
        "vpc_VerSecurityLevel": said.eci,
        "vpc_3DSECI": said.eci,
        "vpc_3DSenrolled": "Y",
        "vpc_3DSstatus": said.status,
    }


def _code(payment: Payment) -> str:
    """Never "0" unless the money was collected."""
    collected = payment.state in COLLECTED
    if payment.state is State.PENDING and payment.outcome in (None, Outcome.SUCCESS):
        return IN_PROGRESS
    outcome = payment.outcome or ENDED.get(payment.state, Outcome.OTHER)
    if collected or outcome is Outcome.SUCCESS:
        outcome = Outcome.SUCCESS if collected else ENDED.get(payment.state, Outcome.OTHER)
    if _is_international(payment):
        unproved = UNPROVED.get(payment.three_ds.status, "") if payment.three_ds and outcome is Outcome.OTHER else ""
        return unproved or INTERNATIONAL_CODES[outcome]
    return (DOMESTIC_CARD_CODES if payment.channel is Channel.CARD else DOMESTIC_CODES)[outcome]


def _is_international(payment: Payment) -> bool:
    return payment.bank == "onepay_international" or payment.issuer_code in CARD_TYPES


def _bin(payment: Payment) -> str:
    """Of the payer's bank, as far as it is known."""
    by_card = payment.payer_account[:6] if payment.channel is Channel.CARD else ""
    return "" if _is_international(payment) else BINS.get(payment.issuer_code, by_card)


def _signed(told: Fields, merchant: Merchant) -> str:
    fields = {name: text for name, text in told.items() if text}
    mac = secure_hash(merchant.secrets["secret"], signed_text(fields))
    return form.written({**dict(sorted(fields.items())), "vpc_SecureHash": mac})


def _callback(notice: Notice) -> Outgoing:
    payment, merchant = notice.payment, notice.merchant
    # onepay-samples#callback-url: the order's own address comes before the registered one.
    url = payment.order.wire.get("vpc_CallbackURL") or merchant.callback_url
    # onepay-clients#return: the set of fields varies.
    optional = ("vpc_AdditionData", "vpc_Locale", "vpc_Message")
    told = worded(notice, _told(payment), currency={"vpc_CurrencyCode": "USD"}, optional=optional, prefix="vpc_")
    text = _signed(told, merchant)
    if merchant.options.get("callback") == "post":
        return Outgoing("POST", url, (("content-type", FORM_TYPE),), text.encode())
    return Outgoing("GET", form.added(url, text))


def _return_url(payment: Payment, merchant: Merchant) -> str:
    return form.added(payment.order.return_url, _signed(_told(payment), merchant))


def _acknowledged(answer: Answer, notice: Notice) -> Ack:
    if answer.status != 200:
        return Ack(False, f"HTTP {answer.status}" if answer.status else answer.error or "no answer")
    if answer.body.strip() == CONFIRMED:
        return Ack(True, "confirm-success")
    return Ack(False, f"the answer is not {CONFIRMED.decode()}")


ASSUMPTIONS = (
    ("callback-timeout", "15 s for an answer", "no document names one", "retries"),
    (
        "acknowledgement",
        "HTTP 200 and exactly the documented text; all else is sent again",
        "only 'not 200' is told",
        "",
    ),
    ("announced", "100 is never sent, 300 is, for money held or in doubt", "no document says when", ""),
    ("suspected", "300, later 0 or 7", "Z would say that nothing was debited", ""),
    ("reversed", "is told with 7", "no number is known", ""),
    ("code-choice", "card: 24 and 10, account: 22 and 23; bank's maintenance 1, abroad 6", "lists do not tell", ""),
    ("international-codes", "locked 9, wrong OTP F, password B, CSC E; expired 253, as at home", "lists overlap", ""),
    ("tables", "the pay gate's code follows the payer's card: an international one or not", "one list covers both", ""),
    ("order-key", "vpc_MerchTxnRef is unique for ever", "documented as unique, without a time", ""),
    ("reload", "the same unpaid order again shows the page again", "a reload is no second payment", ""),
    ("error-page", "shows 3, 4, 5, 6 or, for all else, 7; the browser is not sent back", "no document", ""),
    ("query-refusal", "vpc_DRExists=N; unsigned with 3, 4 or 7 unless the caller is known", "no sample", ""),
    ("old-query", "needs user and password but no signature", "a client in use sends none", ""),
    ("letters", "lengths are checked; odd characters and long customer fields are remarked", "samples differ", ""),
    ("signature-case", "lower-case hex is taken, with a remark", "documented is upper case only", ""),
    ("secret", "one that is no hex is used as text", "so that any test secret works", ""),
    ("callback-method", "GET, or POST of a form", "both are documented, the choice is not", "options.callback"),
    ("card-list", "VC, MC, JC, AE or INTERNATIONAL lead to the card page, others to the choice", "no full list", ""),
    (
        "3ds",
        "N is F, R is B; vpc_VerStatus Y, M for A, U, else N; the fields come only after 3-D Secure",
        "samples",
        "",
    ),
    ("addresses", "each gateway has an address of its own here", "its codes and fields differ", ""),
)
PRODUCTS = (
    Product(
        code="onepay",
        name="OnePay",
        path="/paygate/vpcpay.op",
        channels=(Channel.INTERNET_BANKING, Channel.CARD, Channel.QR),
        amount_digits=12,
    ),
    Product(
        code="onepay_domestic",
        name="OnePay nội địa",
        path="/onecomm-pay/vpc.op",
        channels=(Channel.INTERNET_BANKING, Channel.CARD),
        amount_digits=9,
        old_query="/onecomm-pay/Vpcdps.op",
    ),
    Product(
        code="onepay_international",
        name="OnePay quốc tế",
        path="/vpcpay/vpcpay.op",
        channels=(Channel.CARD,),
        amount_digits=10,
        needs_currency=False,
        old_query="/vpcpay/Vpcdps.op",
    ),
)


def _endpoints(product: Product) -> Iterable[Endpoint]:
    pay = partial(_decode_pay, product)
    yield Endpoint(operation="create", method="GET", path=product.path, decode=pay, encode=_encode_pay)
    queries = (("2", "POST", "/msp/api/v1/vpc/invoices/queries"), ("1", "GET", product.old_query))
    for version, method, path in queries:
        if path:
            decode, encode = partial(_decode_query, version), partial(_encode_query, version)
            yield Endpoint(operation="query", method=method, path=path, decode=decode, encode=encode)


DIALECTS = tuple(
    Dialect(
        code=product.code,
        name=product.name,
        shape=Shape.REDIRECT,
        channels=product.channels,
        endpoints=tuple(_endpoints(product)),
        callback=_callback,
        parts=frozenset({Part.MERCHANT, Part.ORDER, Part.CURRENCY, Part.OPTIONAL, Part.UNKNOWN}),
        acknowledged=_acknowledged,
        retry=Retry(delays_s=(50, 50, 50)),  # onepay-guide#ipn
        announces=frozenset(State) - {State.PENDING, State.PARTLY_REFUNDED, State.REFUNDED},
        return_url=_return_url,
        secrets=("secret", "password"),
        page_life_s=900,  # onepay-clients#querydr
        error_page=ErrorPage(
            path=f"{product.path.rpartition('/')[0]}/error.op", parameter="vpc_TxnResponseCode", texts=ERROR_TEXTS
        ),
        sources=("onepay-clients", "onepay-guide", "onepay-samples", "onepay-sandbox", "sbv-1589"),
        assumptions=assumed(product.code, ASSUMPTIONS),
    )
    for product in PRODUCTS
)
