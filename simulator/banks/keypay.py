"""KeyPay v1: GET /process, a signed return by the browser, services asked by GET or SOAP; it calls nobody back.

Rule: values are hashed without separators, sorted by name with the secret first, in the services' own order with the
secret last. sendOrder is not offered: nobody tells what it answers.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial

from simulator import form, soap
from simulator.clock import compact
from simulator.dialect import (
    Ack,
    Ask,
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
from simulator.payment import COLLECTED, Channel, Merchant, Order, Outcome, Payment, Reason, Refusal, State
from simulator.signing import md5_hex, same, secret_sha256_hex
from simulator.wire import Answer, Outgoing, Request, Response, is_web_address, json_response, redirect, text_response

Fields = Mapping[str, str]

# keypay-opencps1#request-hash: what the hash of /process covers; bank_code, xml_description and desc_* are outside.
HASHED = (
    *("command", "country_code", "currency_code", "current_locale", "good_code", "merchant_code", "merchant_trans_id"),
    *("net_cost", "return_url", "service_code", "ship_fee", "tax", "version"),
)
# keypay-opencps1#services, keypay-pms#services: each service's values in the order in which they are hashed.
SERVICES = {
    "QuerryBillStatus": ("merchant_trans_id", "good_code", "trans_id", "merchant_code"),
    "QuerryBillStatusV2": ("merchant_code", "merchant_trans_id", "good_code", "trans_time"),
    "confirmTransResult": ("merchant_code", "good_code", "merchant_trans_id", "trans_id", "trans_result"),
}
# keypay-opencps1#soap: the names in its generated client; V2 is called by keypay-pms.
SOAP_NAMES = {name[0].upper() + name[1:]: name for name in SERVICES}
SOAP = soap.Service(
    namespace="http://kpWebservices/",
    name="kpWebservices",
    port_type="kpWebservices",
    binding="kpWebservicesPortBinding",
    port="kpWebservicesPort",
    operations={
        operation: dict.fromkeys((*SERVICES[name], "secure_hash"), "string") for operation, name in SOAP_NAMES.items()
    },
    result="return",
)
ANYBODY = Merchant(bank="keypay", merchant_code="", name="")
# keypay-opencps1#request: each field's form, and the code that names it when it is wrong (keypay-codes).
FORMS = {
    "merchant_code": (r"[^\x00-\x1f|]{1,30}", "01"),
    "merchant_trans_id": (r"[A-Za-z0-9_.-]{1,40}", "03"),
    "service_code": (r"[0-9]{1,10}", "05"),
    "country_code": (r"\+84", "07"),
    "xml_description": (r"[^\x00]{0,2000}", "09"),
    "good_code": (r"[A-Za-z0-9_.-]{1,40}", "10"),
    "net_cost": (r"[1-9][0-9]{0,14}", "11"),
    "ship_fee": (r"[0-9]{1,12}", "12"),
    "tax": (r"[0-9]{1,12}", "13"),
    "bank_code": (r"[A-Za-z0-9_]{0,20}", "15"),
    "version": (r"1\.0", "30"),
    "command": (r"pay", "31"),
    "currency_code": (r"704", "32"),
    "current_locale": (r"vn|en", "33"),
    **{f"desc_{number}": (r"[^\x00]{0,255}", f"{33 + number}") for number in range(1, 6)},
    "return_url": (r"[!-~]{10,2000}", "39"),
    "internal_bank": (r"[A-Za-z0-9_]{0,50}", "40"),
    "trans_id": (r"[0-9]{1,15}", "04"),
    "trans_time": (r"[0-9]{8}", "19"),
    "trans_result": (r"[01]", "99"),
}
OPTIONAL = ("bank_code", "internal_bank", "xml_description", *(f"desc_{number}" for number in range(1, 6)))
JUDGED_LAST = {"net_cost": Reason.INVALID_AMOUNT, "currency_code": Reason.INVALID_CURRENCY}
DESCRIPTIONS = (19, 29, 39, 89, 15)  # keypay-opencps2#descriptions: where a client cuts desc_1 to desc_5

# keypay-codes: every response_code that public clients know.
CODES = {
    "00": ("Giao dịch thành công.", "The transaction succeeded."),
    "01": ("Đơn vị chấp nhận thanh toán không tồn tại.", "The merchant is unknown."),
    "02": ("Chuỗi mã hóa không đúng.", "The hash is wrong."),
    "03": ("Mã giao dịch của đơn vị không hợp lệ.", "The merchant transaction number is invalid."),
    "04": ("Không tìm thấy giao dịch.", "The transaction was not found."),
    "05": ("Mã dịch vụ không hợp lệ.", "The service code is invalid."),
    "06": ("Giao dịch đã được xác nhận.", "The transaction was confirmed before."),
    "07": ("Mã quốc gia không hợp lệ.", "The country code is invalid."),
    "08": ("Ngân hàng chưa trả lời.", "The bank has not answered."),
    "09": ("Mô tả giao dịch không hợp lệ.", "The description is invalid."),
    "10": ("Mã đơn hàng không hợp lệ.", "The order number is invalid."),
    "11": ("Số tiền không hợp lệ.", "The amount is invalid."),
    "12": ("Phí vận chuyển không hợp lệ.", "The shipping fee is invalid."),
    "13": ("Thuế không hợp lệ.", "The tax is invalid."),
    "14": ("Chưa cấu hình phí cho đơn vị.", "The fee of this merchant is not configured."),
    "15": ("Mã ngân hàng không đúng.", "The bank code is wrong."),
    "16": ("Số tiền ngoài khoảng cho phép.", "The amount is out of range."),
    "17": ("Số dư không đủ.", "The balance is not sufficient."),
    "18": ("Khách hàng hủy giao dịch.", "The payer cancelled."),
    "19": ("Thời gian thanh toán không hợp lệ.", "The time of payment is invalid."),
    "20": ("Loại OTP không hợp lệ.", "The kind of OTP is invalid."),
    "21": ("OTP không đúng.", "The OTP is wrong."),
    "24": ("Không tìm thấy giao dịch tại ngân hàng.", "The transaction was not found at the bank."),
    "25": ("Sai thông tin thẻ lần thứ nhất.", "Wrong card details, first time."),
    "26": ("Sai thông tin thẻ lần thứ hai.", "Wrong card details, second time."),
    "27": ("Sai thông tin thẻ lần thứ ba.", "Wrong card details, third time."),
    "28": ("Số thẻ không hợp lệ.", "The card number is invalid."),
    "29": ("Ngày trên thẻ không hợp lệ.", "The date on the card is invalid."),
    "30": ("Phiên bản không hợp lệ.", "The version is invalid."),
    "31": ("Lệnh không hợp lệ.", "The command is invalid."),
    "32": ("Loại tiền không hợp lệ.", "The currency is invalid."),
    "33": ("Ngôn ngữ không hợp lệ.", "The locale is invalid."),
    **{f"{33 + number}": (f"desc_{number} không hợp lệ.", f"desc_{number} is invalid.") for number in range(1, 6)},
    "39": ("Địa chỉ quay về không hợp lệ.", "The return address is invalid."),
    "40": ("Loại thẻ không hợp lệ.", "The kind of card is invalid."),
    "41": ("Thẻ nghi vấn.", "The card is suspicious."),
    "54": ("Thẻ hết hạn.", "The card has expired."),
    "57": ("Chưa đăng ký thanh toán trực tuyến.", "Not registered for online payment."),
    "61": ("Vượt hạn mức trong ngày.", "Over the daily limit."),
    "62": ("Thẻ bị khóa.", "The card is locked."),
    "65": ("Vượt hạn mức một giao dịch.", "Over the limit of one transaction."),
    "66": ("Quá số lần giao dịch cho phép.", "Too many transactions."),
    "97": ("Ngân hàng chưa sẵn sàng.", "The bank is not ready."),
    "98": ("Giao dịch không được phép.", "The transaction is not permitted."),
    "99": ("Lỗi không xác định.", "Unknown error."),
}
OUTCOMES = {
    Outcome.SUCCESS: "00",
    Outcome.SUSPECTED_FRAUD: "41",
    Outcome.NOT_REGISTERED: "57",
    Outcome.WRONG_DETAILS: "27",
    Outcome.TIMED_OUT: "19",
    Outcome.ACCOUNT_LOCKED: "62",
    Outcome.WRONG_OTP: "21",
    Outcome.CANCELLED: "18",
    Outcome.INSUFFICIENT_FUNDS: "17",
    Outcome.OVER_LIMIT: "61",
    Outcome.MAINTENANCE: "97",
    Outcome.WRONG_PASSWORD: "27",
    Outcome.REVERSED: "98",
    Outcome.UNKNOWN: "08",
    Outcome.OTHER: "98",
}
REASONS = {
    Reason.UNKNOWN_COMMAND: "31",
    Reason.UNKNOWN_MERCHANT: "01",
    Reason.BAD_SIGNATURE: "02",
    Reason.RETURN_URL_NOT_REGISTERED: "39",
    Reason.INVALID_AMOUNT: "11",
    Reason.INVALID_CURRENCY: "32",
    Reason.MAINTENANCE: "97",
    Reason.EXPIRED: "19",
    Reason.DUPLICATE_ORDER: "03",
    Reason.UNKNOWN_ORDER: "04",
    Reason.TOO_SOON: "06",
    Reason.NOT_PAID: "04",
    Reason.ALREADY_PAID: "06",
    Reason.WRONG_PAYER: "28",
    Reason.TIMED_OUT: "08",
}


def sorted_hash(fields: Fields, merchant: Merchant) -> str:
    """secure_hash of /process and of the return: values sorted by their names, the secret first.

    Upper-case hex, 32 digits, or 64 where the merchant's option "hash" is "sha256".
    """
    values = "".join(text for _, text in sorted(fields.items()))  # keypay-opencps1#hash
    return _digest(merchant.secrets["secret"] + values, merchant)


def listed_hash(values: Iterable[str], merchant: Merchant) -> str:
    """secure_hash of the services and of their answers: values in the order given, the secret last."""
    return _digest("".join((*values, merchant.secrets["secret"])), merchant)


def _digest(text: str, merchant: Merchant) -> str:
    # keypay-opencps2#algorithm: a contract may say SHA-256.
    digest = secret_sha256_hex if merchant.options.get("hash") == "sha256" else md5_hex
    return digest(text.encode()).upper()


def _decode_process(request: Request, merchants: Merchants) -> Create:
    fields = _fields(request)
    warnings = []
    if fields.get("country_code") == " 84":  # keypay-opencps1#request: that client does not escape what it sends
        fields["country_code"] = "+84"
        warnings.append("the + of country_code is not escaped")
    _check(fields, (name for name in HASHED if name not in JUDGED_LAST))
    _check(fields, OPTIONAL, needed=False)
    if not is_web_address(fields["return_url"]):
        raise _wrong("return_url", fields["return_url"])
    merchant = _merchant(fields, merchants)
    hashed = {name: fields.get(name, "") for name in HASHED}
    warnings += _judged(fields, ((sorted_hash(hashed, merchant), ""),))
    _check(fields, JUDGED_LAST)
    warnings += [
        f"desc_{number} is longer than {longest} characters"
        for number, longest in enumerate(DESCRIPTIONS, 1)
        if len(fields.get(f"desc_{number}", "")) > longest
    ]
    return Create(merchant=merchant, wire=fields, order=_order(fields), warnings=tuple(warnings))


def _order(fields: Fields) -> Order:
    return Order(
        order_ref=fields["merchant_trans_id"],
        order_key=fields["merchant_trans_id"],
        amount_vnd=sum(int(fields[name]) for name in ("net_cost", "ship_fee", "tax")),
        description=fields.get("xml_description", ""),
        return_url=fields["return_url"],
        issuer_code=fields.get("bank_code", ""),
        locale="en" if fields["current_locale"] == "en" else "vi",
        wire={name: fields[name] for name in ("good_code", "service_code", "ship_fee", "tax")},
    )


def _decode_service(service: str, request: Request, merchants: Merchants) -> Query:
    return _question(service, _fields(request), merchants)


def _decode_soap(request: Request, merchants: Merchants) -> Query:
    try:
        call = soap.read(SOAP, request.body)
    except soap.NotSoap as error:
        raise Refusal(Reason.MALFORMED, str(error)) from error
    return _question(SOAP_NAMES[call.operation], call.values, merchants)


def _decode_description(request: Request, merchants: Merchants) -> Ask:
    return Ask(merchant=ANYBODY)


def _question(service: str, fields: Fields, merchants: Merchants) -> Query:
    signed = SERVICES[service]
    asks_by_trans_id = service != "QuerryBillStatus" or bool(fields.get("trans_id"))
    _check(fields, (name for name in signed if name != "trans_id" or asks_by_trans_id))
    merchant = _merchant(fields, merchants)
    readings = [(listed_hash((fields.get(name, "") for name in signed), merchant), "")]
    if service == "QuerryBillStatus":  # keypay-opencps1#services: its second way of signing the same question
        other = sorted_hash({name: fields.get(name, "") for name in signed}, merchant)
        readings.append((other, "secure_hash is sorted with the secret first"))
    warnings = _judged(fields, readings)
    request_ref = "confirmed" if service == "confirmTransResult" else ""  # used once: keypay-codes, 06
    return Query(
        merchant=merchant,
        wire=fields,
        warnings=warnings,
        order_key=fields["merchant_trans_id"],
        request_ref=request_ref,
    )


def _judge(command: Command, payment: Payment | None, now: datetime) -> None:
    """A question's other fields must be those of the order that its merchant_trans_id names."""
    if payment is None or not isinstance(command, Query):
        return
    true = {
        "good_code": payment.order.wire.get("good_code", ""),
        "trans_id": payment.bank_ref,
        "trans_time": compact(payment.created_at)[:8],
    }
    odd = [name for name, text in true.items() if command.wire.get(name) not in (None, "", text)]
    if command.request_ref and payment.state is State.PENDING:
        odd.append("trans_result")
    if odd:
        raise Refusal(Reason.UNKNOWN_ORDER, f"{odd[0]} is not of that order", merchant=command.merchant)


def _fields(request: Request) -> dict[str, str]:
    try:
        return form.fields(form.pieces(request.query))
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error


def _check(fields: Fields, names: Iterable[str], *, needed: bool = True) -> None:
    for name in names:
        text = fields.get(name, "")
        if (needed or text) and re.fullmatch(FORMS[name][0], text) is None:
            raise _wrong(name, text)


def _wrong(name: str, text: str) -> Refusal:
    reason = Reason.UNKNOWN_COMMAND if name == "command" else JUDGED_LAST.get(name, Reason.MALFORMED)
    return Refusal(reason, f"{name}: {text[:80]!r}", wire={"response_code": FORMS[name][1]})


def _merchant(fields: Fields, merchants: Merchants) -> Merchant:
    merchant = merchants(fields["merchant_code"])
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, fields["merchant_code"])
    return merchant


def _judged(fields: Fields, readings: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The remarks on the first reading that secure_hash fits. Raises Refusal if it fits none."""
    given = fields.get("secure_hash", "")
    case = "" if given == given.upper() else "secure_hash is in lower case, documented is upper case"
    for expected, remark in readings:
        if same(given.upper(), expected):
            return tuple(each for each in (case, remark) if each)
    raise Refusal(Reason.BAD_SIGNATURE, "secure_hash")


def _encode_process(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(result, Refusal):
        return redirect(f"error.html?response_code={_code_of(result)}")
    return redirect(result.page_url)


def _encode_service(
    write: Callable[[str, str, str], Response], request: Request, command: Command | None, result: Reply | Refusal
) -> Response:
    return write(*_told(command, result))


def _encode_soap(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    """A fault for what is no call of the service; all else is told by code, in the text that GET gets."""
    try:
        call = soap.read(SOAP, request.body)
    except soap.NotSoap as error:
        return soap.fault(error)
    return soap.answer(SOAP, call.operation, "|".join(_told(command, result)))


def _encode_description(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    return soap.wsdl(SOAP, "" if isinstance(result, Refusal) else f"{result.bank_url}{request.path}")


def _told(command: Command | None, result: Reply | Refusal) -> tuple[str, str, str]:
    """Number, code and hash. A refusal is hashed only for who has proved himself: else anybody could have one made."""
    number, code = "011", "99"  # keypay-pms#services: 011 stands where a good answer has KeyPay's number
    if isinstance(result, Refusal):
        code = _code_of(result)
    elif command is not None and result.payment is not None:
        confirmed = "trans_result" in command.wire
        number, code = result.payment.bank_ref, "00" if confirmed else response_code(result.payment)
    return number, code, listed_hash((number, code), command.merchant) if command else ""


def _code_of(refusal: Refusal) -> str:
    return refusal.wire.get("response_code") or REASONS.get(refusal.reason, "99")


def _as_text(number: str, code: str, secure_hash: str) -> Response:
    return text_response(f"{number}|{code}|{secure_hash}")  # keypay-pms#services


def _as_json(number: str, code: str, secure_hash: str) -> Response:
    return json_response({"trans_id": number, "response_code": code, "secure_hash": secure_hash})


def response_code(payment: Payment) -> str:
    """08 and 99 say that the end is not known yet; all else is final."""
    if payment.state in COLLECTED:
        return "00"
    if payment.state in (State.PENDING, State.SUSPECTED):
        return "08" if payment.outcome is Outcome.UNKNOWN else "99"
    code = OUTCOMES[payment.outcome or Outcome.OTHER]
    return code if code not in ("00", "08", "99") else "98"


def _return_url(payment: Payment, merchant: Merchant) -> str:
    return form.added(payment.order.return_url, _sealed(_result(payment, merchant), merchant))


def _result(payment: Payment, merchant: Merchant) -> dict[str, str]:
    wire = payment.order.wire
    ship_fee, tax = wire.get("ship_fee", "0"), wire.get("tax", "0")
    return {
        "bank_code": payment.issuer_code,
        "command": "pay",
        "currency_code": "704",
        "good_code": wire.get("good_code", ""),
        "merchant_code": merchant.merchant_code,
        "merchant_trans_id": payment.order.order_ref,
        "net_cost": str(payment.amount_vnd - int(ship_fee) - int(tax)),
        "response_code": response_code(payment),
        "service_code": wire.get("service_code", ""),
        "ship_fee": ship_fee,
        "tax": tax,
        "trans_id": payment.bank_ref,
    }


def _sealed(fields: dict[str, str], merchant: Merchant) -> str:
    # keypay-opencps1#return-hash: all of them are hashed
    return form.written({**fields, "secure_hash": sorted_hash(fields, merchant)})


def _callback(notice: Notice) -> Outgoing:
    """Never due: v1 announces nothing. It is what a browser's return would be at the callback address."""
    optional = ("bank_code", "good_code", "service_code")
    fields = worded(
        notice, _result(notice.payment, notice.merchant), currency={"currency_code": "840"}, optional=optional
    )
    return Outgoing("GET", form.added(notice.merchant.callback_url, _sealed(fields, notice.merchant)))


def _acknowledged(answer: Answer, notice: Notice) -> Ack:
    return Ack(False, "KeyPay v1 calls nobody back, so nothing acknowledges")


ASSUMPTIONS = (
    ("hosts", "/process and the services stand under one address", "two hosts in the public clients", ""),
    ("by-get", "confirmTransResult and V2 are served by GET like the other", "clients call them by SOAP only", ""),
    ("soap-answers", "the answer's element is named ...Response", "the clients read only its return", ""),
    ("soap-faults", "only for what is no call of the service; the rest is told by code", "no fault is recorded", ""),
    ("wsdl", "our own, by every GET of the SOAP address", "the real one is known by its clients only", ""),
    ("answers", "number|code|hash as in confirmTransResult, also for the questions", "only index 1 is ever read", ""),
    ("json", "the same three as trans_id, response_code, secure_hash", "no sample is known", ""),
    ("unsigned-refusal", "no hash before the caller has proved himself", "no oracle for hashes", ""),
    ("sha256", "a merchant's option makes every hash SHA-256", "seen for the request only", "options.hash"),
    ("hash-case", "lower-case hex is taken, with a remark", "documented is upper case", ""),
    ("total", "the payer pays net_cost + ship_fee + tax", "known clients send 0 for both", ""),
    (
        "duplicates",
        "a merchant_trans_id is used once: 03; the very same unpaid request shows its page again",
        "ours",
        "",
    ),
    ("letters", "numbers of orders may have letters, _ . and -", "known clients send digits", ""),
    ("error-page", "a refused request ends on KeyPay's own page", "no refused redirect is recorded", ""),
    ("expired", "is told with 19, reversed and other failures with 98", "the table gives no pairs", ""),
    ("suspected", "is told with 99: not known yet", "41 would be read as a failure", ""),
    ("trans-time", "V2's trans_time is the day of the order in GMT+7", "only its form is known", ""),
    ("trans-id", "QuerryBillStatus may leave trans_id out", "a portal without the return has none", ""),
    ("confirm", "once for a payment that has ended, kept over its 20 latest questions", "only 06 is known", ""),
    ("page-life", "15 min to pay", "no limit is public", ""),
)

DIALECT = Dialect(
    code="keypay",
    name="KeyPay v1",
    shape=Shape.REDIRECT,
    channels=(Channel.INTERNET_BANKING, Channel.CARD),
    endpoints=(
        Endpoint(operation="create", method="GET", path="/process", decode=_decode_process, encode=_encode_process),
        *(
            Endpoint(
                operation="query",
                method="GET",
                path=f"/{folder}/generic/{service}",
                decode=partial(_decode_service, service),
                encode=partial(_encode_service, write),
            )
            for folder, write in (("resources", _as_text), ("jsonresources", _as_json))
            for service in SERVICES
        ),
        Endpoint(operation="query", method="POST", path="/kpWebservices", decode=_decode_soap, encode=_encode_soap),
        Endpoint(
            operation="ask",
            method="GET",
            path="/kpWebservices",
            decode=_decode_description,
            encode=_encode_description,
        ),
    ),
    callback=_callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.CURRENCY, Part.OPTIONAL, Part.UNKNOWN}),
    acknowledged=_acknowledged,
    retry=Retry(delays_s=()),
    announces=frozenset(),  # keypay-opencps1#return: the browser's return is all that a portal is told
    return_url=_return_url,
    secrets=("secret",),
    judge=_judge,
    error_page=ErrorPage(path="/error.html", parameter="response_code", texts=CODES),
    sources=("keypay-opencps1", "keypay-opencps2", "keypay-pms", "keypay-codes"),
    assumptions=assumed("keypay", ASSUMPTIONS),
)
