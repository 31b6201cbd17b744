"""VTC Pay: GET checkout.html, the result by the browser's return and by a server's POST, and a SOAP check of an order.

Rule: values are joined by "|" in the order of their names with the secret last, the check's own by "-"; SHA-256, upper
case. Status 7 means that the payer was debited and the merchant was not credited yet.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from simulator import form, soap
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
from simulator.signing import same, secret_sha256_hex
from simulator.wire import FORM_TYPE, Answer, Outgoing, Request, Response, is_web_address, redirect

Fields = Mapping[str, str]

NEEDED = ("website_id", "amount", "currency", "receiver_account", "reference_number", "signature")
# vtcpay-opencps1#request, vtcpay-samples#request: the fields that clients send; the lengths are ours.
FORMS = {
    "website_id": r"[0-9]{1,10}",
    "amount": r"[0-9]{1,15}(\.0{1,2})?",
    "currency": r"[A-Z]{3}",
    "receiver_account": r"[!-{}~]{1,50}",
    "reference_number": r"[A-Za-z0-9_.-]{1,50}",
    "signature": r"[0-9A-Za-z]{1,128}",
    "url_return": r"[!-{}~]{1,1000}",
    "language": r"vi|en",
    "payment_type": r"VTCPay|DomesticBank|InternationalCard",
}
CHANNELS = {"DomesticBank": Channel.INTERNET_BANKING, "InternationalCard": Channel.CARD}  # vtcpay-samples#payment-type
TOLD = ("amount", "message", "payment_type", "reference_number", "status", "trans_ref_no", "website_id")
# vtcpay-opencps1#check, with names as in its generated client ("Transation" is theirs).
SOAP = soap.Service(
    namespace="http://tempuri.org/",
    name="WSCheckTrans",
    port_type="WSCheckTransSoap",
    binding="WSCheckTransSoap",
    port="WSCheckTransSoap",
    operations={
        "CheckPartnerTransation": {
            "website_id": "int",
            **dict.fromkeys(("order_code", "receiver_acc", "sign"), "string"),
        },
    },
    result="{operation}Result",
    qualified=True,
    action="http://tempuri.org/{operation}",
)
ANYBODY = Merchant(bank="vtcpay", merchant_code="", name="")

# vtcpay-samples#status: the whole list of the gateway's own samples.
STATUSES = {
    "0": ("Giao dịch mới khởi tạo.", "Just opened"),
    "1": ("Giao dịch thành công.", "Success"),
    "7": ("Đã trừ tiền người trả, đang chờ VTC duyệt.", "Debited, under review"),
    "-1": ("Giao dịch thất bại.", "Failed"),
    "-3": ("VTC đã hủy giao dịch.", "Cancelled by VTC"),
    "-4": ("Thẻ hoặc tài khoản không đủ điều kiện giao dịch.", "Card or account not eligible"),
    "-5": ("Số dư không đủ.", "Insufficient balance"),
    "-6": ("Có lỗi tại VTC.", "Error at VTC"),
    "-7": ("Thông tin thanh toán hoặc OTP không đúng.", "Wrong details or OTP"),
    "-8": ("Vượt hạn mức trong ngày.", "Over the daily limit"),
    "-9": ("Khách hàng đã hủy giao dịch.", "Cancelled by the payer"),
    "-21": ("Mã đơn hàng đã được dùng.", "Order number used before"),
    "-22": ("Số tiền quá nhỏ.", "Amount too small"),
    "-23": ("Website không tồn tại.", "Unknown website"),
    "-24": ("Loại tiền không hợp lệ.", "Invalid currency"),
    "-25": ("Tài khoản nhận tiền không tồn tại.", "Unknown receiving account"),
    "-28": ("Thiếu tham số bắt buộc.", "Missing parameter"),
    "-29": ("Tham số không hợp lệ.", "Invalid parameter"),
    "-99": ("Chưa rõ kết quả, cần kiểm tra lại.", "Result not known yet"),
}
OUTCOMES = {
    Outcome.SUCCESS: "1",
    Outcome.SUSPECTED_FRAUD: "7",
    Outcome.NOT_REGISTERED: "-4",
    Outcome.WRONG_DETAILS: "-7",
    Outcome.TIMED_OUT: "-1",
    Outcome.ACCOUNT_LOCKED: "-4",
    Outcome.WRONG_OTP: "-7",
    Outcome.CANCELLED: "-9",
    Outcome.INSUFFICIENT_FUNDS: "-5",
    Outcome.OVER_LIMIT: "-8",
    Outcome.MAINTENANCE: "-6",
    Outcome.WRONG_PASSWORD: "-7",
    Outcome.REVERSED: "-3",
    Outcome.UNKNOWN: "-99",
    Outcome.OTHER: "-1",
}
ENDED = {State.REVERSED: "-3", State.CANCELLED: "-9", State.EXPIRED: "-1"}
REASONS = {
    Reason.UNKNOWN_MERCHANT: "-23",
    Reason.INVALID_AMOUNT: "-22",
    Reason.INVALID_CURRENCY: "-24",
    Reason.MAINTENANCE: "-6",
    Reason.DUPLICATE_ORDER: "-21",
    Reason.TIMED_OUT: "-99",
    Reason.UNKNOWN: "-99",
}
CHECK_REASONS = {  # vtcpay-tvod#check: three numbers that mean a wrong question; which is which is ours.
    Reason.UNKNOWN_MERCHANT: "-402",
    Reason.BAD_SIGNATURE: "-403",
    Reason.UNKNOWN_ORDER: "-404",
    Reason.TIMED_OUT: "-99",
    Reason.UNKNOWN: "-99",
}
TO_ITSELF = (Reason.UNKNOWN_MERCHANT, Reason.BAD_SIGNATURE, Reason.RETURN_URL_NOT_REGISTERED)
"""Refusals that never lead a browser to an address from the request."""


def signature(values: Iterable[str], merchant: Merchant, joint: str = "|") -> str:
    """64 upper-case hex digits over the values in the order given and the secret."""
    return secret_sha256_hex(joint.join((*values, merchant.secrets["secret"])).encode()).upper()


def _decode_checkout(request: Request, merchants: Merchants) -> Create:
    fields = _fields(request)
    absent = [name for name in NEEDED if not fields.get(name)]
    if absent:
        raise Refusal(Reason.MALFORMED, f"{absent[0]} is missing", wire={"status": "-28"})
    for name, text in fields.items():
        if text and re.fullmatch(FORMS.get(name, r"[^\x00-\x1f|]{0,255}"), text) is None:
            raise Refusal(Reason.MALFORMED, f"{name[:40]}: {text[:80]!r}")
    if fields.get("url_return") and not is_web_address(fields["url_return"]):
        raise Refusal(Reason.MALFORMED, "url_return is no http or https address")
    merchant = merchants(fields["website_id"])
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, f"website_id {fields['website_id']}")
    warnings = _judged(fields, merchant)
    _check_money(fields, merchant)
    order = Order(
        order_ref=fields["reference_number"],
        order_key=fields["reference_number"],
        amount_vnd=int(fields["amount"].partition(".")[0]),
        return_url=fields.get("url_return", ""),
        channel=CHANNELS.get(fields.get("payment_type", "")),
        locale="en" if fields.get("language") == "en" else "vi",
    )
    return Create(merchant=merchant, wire=fields, order=order, warnings=warnings)


def _fields(request: Request) -> dict[str, str]:
    try:
        return form.fields(form.pieces(request.query))
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error


def _judged(fields: Fields, merchant: Merchant) -> tuple[str, ...]:
    """Remarks on the first reading that the signature fits. Raises Refusal if it fits none."""
    given = fields["signature"]
    remarks = () if given == given.upper() else ("the signature is in lower case",)
    signed = [text for name, text in sorted(fields.items()) if name != "signature"]
    if same(given.upper(), signature(signed, merchant)):  # vtcpay-samples#request: whatever is sent, in order of name
        return remarks
    if same(given.upper(), signature((text for text in signed if text), merchant)):
        return (*remarks, "the signature leaves empty parameters out")
    raise Refusal(Reason.BAD_SIGNATURE, "signature")


def _check_money(fields: Fields, merchant: Merchant) -> None:
    reason, status = None, ""
    if int(fields["amount"].partition(".")[0]) == 0:
        reason, status = Reason.INVALID_AMOUNT, "-22"
    elif fields["currency"] != "VND":
        reason, status = Reason.INVALID_CURRENCY, "-24"
    elif fields["receiver_account"] != merchant.options.get("receiver_account", fields["receiver_account"]):
        reason, status = Reason.MALFORMED, "-25"
    if reason is not None:
        raise Refusal(reason, STATUSES[status][1], merchant=merchant, wire={**fields, "status": status})


def _encode_checkout(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    """A merchant that has proved itself is told at its own address, anybody else on a page of the gateway."""
    if isinstance(result, Reply):
        return redirect(result.page_url)
    status = result.wire.get("status") or REASONS.get(result.reason, "-29")
    merchant = command.merchant if command else result.merchant
    fields = command.wire if command else result.wire
    home = _home(fields.get("url_return", ""), merchant) if merchant and "reference_number" in fields else ""
    if merchant is None or not home or result.reason in TO_ITSELF:
        return redirect(f"../error.html?status={status}")
    told = _result(fields["amount"].partition(".")[0], "", fields["reference_number"], status, "", merchant)
    return redirect(_signed_address(home, told, merchant))


def _home(url: str, merchant: Merchant) -> str:
    """Where the browser goes back to: without a url_return to the address for the server's POST."""
    url = url or merchant.callback_url  # vtcpay-doc#url-receiving
    hosts = merchant.return_hosts
    return url if is_web_address(url) and (not hosts or urlsplit(url).hostname in hosts) else ""


def _result(amount: str, paid_by: str, ref: str, status: str, bank_ref: str, merchant: Merchant) -> dict[str, str]:
    """The seven fields of every result, in the order in which they are signed."""
    texts = (amount, STATUSES[status][1], paid_by, ref, status, bank_ref, merchant.merchant_code)
    return dict(zip(TOLD, texts, strict=True))


def _of_payment(payment: Payment, merchant: Merchant) -> dict[str, str]:
    paid_by = payment.issuer_code or ("Visa" if payment.channel is Channel.CARD else "VTCPay")
    ref, bank_ref = payment.order.order_ref, payment.bank_ref
    return _result(str(payment.amount_vnd), paid_by, ref, status_of(payment), bank_ref, merchant)


def _signed_address(url: str, told: Fields, merchant: Merchant) -> str:
    return form.added(url, form.written({**told, "signature": signature(told.values(), merchant)}))


def status_of(payment: Payment) -> str:
    """0, 7 and -99 are no end; only collected money is 1."""
    if payment.state in COLLECTED:
        return "1"
    if payment.state is State.SUSPECTED:
        return "7"
    if payment.state is State.PENDING:
        return "-99" if payment.outcome is Outcome.UNKNOWN else "0"
    outcome = payment.outcome or Outcome.SUCCESS
    status = ENDED.get(payment.state, "-1") if outcome is Outcome.SUCCESS else OUTCOMES[outcome]
    return status if status not in ("7", "-99") else "-1"


def _return_url(payment: Payment, merchant: Merchant) -> str:
    home = _home(payment.order.return_url, merchant)
    return _signed_address(home, _of_payment(payment, merchant), merchant) if home else ""


def _callback(notice: Notice) -> Outgoing:
    told = _of_payment(
        notice.payment, notice.merchant
    )  # vtcpay-opencps1#post: one text of all seven, and its signature
    sent = worded(notice, {"data": "|".join(told.values()), "signature": signature(told.values(), notice.merchant)})
    return Outgoing("POST", notice.merchant.callback_url, (("content-type", FORM_TYPE),), form.written(sent).encode())


def _acknowledged(answer: Answer, notice: Notice) -> Ack:
    """Any 200: the gateway's own sample of a receiving page writes nothing in particular."""
    also = (302,) if notice.merchant.options.get("acknowledgement") == "redirect" else ()
    done = answer.status in (200, *also)
    return Ack(done, f"HTTP {answer.status}" if answer.status else answer.error or "no answer")


def _decode_check(request: Request, merchants: Merchants) -> Query:
    try:
        values = soap.read(SOAP, request.body).values
    except soap.NotSoap as error:
        raise Refusal(Reason.MALFORMED, str(error)) from error
    asked = {name: values.get(name, "") for name in ("website_id", "order_code", "receiver_acc")}
    for name, kind in (("website_id", "website_id"), ("order_code", "reference_number")):
        if re.fullmatch(FORMS[kind], asked[name]) is None:
            raise Refusal(Reason.MALFORMED, f"{name}: {asked[name][:80]!r}")
    merchant = merchants(asked["website_id"])
    if merchant is None or asked["receiver_acc"] != merchant.options.get("receiver_account", asked["receiver_acc"]):
        raise Refusal(Reason.UNKNOWN_MERCHANT, "website_id or receiver_acc")
    given = values.get("sign", "")
    if not same(given.upper(), signature(asked.values(), merchant, "-")):  # vtcpay-opencps1#check
        raise Refusal(Reason.BAD_SIGNATURE, "sign")
    warnings = () if given == given.upper() else ("sign is in lower case, documented is upper case",)
    return Query(merchant=merchant, wire=asked, order_key=asked["order_code"], warnings=warnings)


def _encode_check(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    """A refusal is signed only for who has proved himself: else anybody could have signatures made."""
    try:
        call = soap.read(SOAP, request.body)
    except soap.NotSoap as error:
        return soap.fault(error)
    ref = call.values.get("order_code", "")[:50].replace("|", "")
    told = (CHECK_REASONS.get(result.reason, "-402") if isinstance(result, Refusal) else "-99", ref, "0")
    if isinstance(result, Reply) and result.payment is not None:
        told = (status_of(result.payment), ref, str(result.payment.amount_vnd))
    signed = signature(told, command.merchant, "-") if command else ""  # vtcpay-tvod#check
    return soap.answer(SOAP, call.operation, "|".join((*told, signed)))


def _decode_description(request: Request, merchants: Merchants) -> Ask:
    return Ask(merchant=ANYBODY)


def _encode_description(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    return soap.wsdl(SOAP, "" if isinstance(result, Refusal) else f"{result.bank_url}{request.path}")


ASSUMPTIONS = (
    ("request-case", "upper-case hex, or lower with a remark", "clients send either", ""),
    ("empty", "empty parameters are signed, or left out with a remark", "one client signs them", ""),
    ("amount", "whole dong, .0 or .00 behind it taken", "shops send decimals", ""),
    ("lengths", "50 characters for a reference and an account, 1,000 for an address", "ours", ""),
    ("message", "the status in plain English words", "no sample of one is known", ""),
    ("payment-type", "is told as the payer's bank, VTCPay or Visa", "only a sample's remark tells of it", ""),
    ("wallet", "VTC Pay's wallet is paid like Internet Banking", "no facts on the wallet's own page", ""),
    ("bad-signature", "status -29, on the gateway's own page", "the list has no status of its own", ""),
    ("refusals", "are told to a merchant that has proved itself at its address, signed", "the list suggests it", ""),
    ("statuses", "expired and other failures -1, reversed -3, maintenance -6", "the list gives no pairs", ""),
    (
        "acknowledgement",
        "any HTTP 200, on wish also 302",
        "the gateway's sample answers freely",
        "options.acknowledgement",
    ),
    ("retries", "after 1, 5 and 15 min, 15 s for an answer", "no source", "retries"),
    ("failures", "are posted like successes", "samples handle them, none is recorded", ""),
    ("check-codes", "-402 website or account, -403 sign, -404 order", "known is only that all three mean wrong", ""),
    ("check-refusal", "amount 0, and no sign before the caller has proved himself", "no sample is known", ""),
    ("check-faults", "only for what is no call of the service", "no fault is recorded", ""),
    ("wsdl", "our own, by every GET of the check's address", "the real one is known by its clients only", ""),
    ("duplicates", "a reference is used once; the same unpaid request shows its page again", "-21 alone is known", ""),
    ("page-life", "15 min to pay", "no limit is public", ""),
)

# vtcpay-doc#addresses, vtcpay-opencps1#check, vtcpay-tvod#check: the live paths and those for tests.
CHECKOUTS = ("/bank-gateway/checkout.html", "/portalgateway/checkout.html")
CHECKS = ("/cong-thanh-toan/WSCheckTrans.asmx", "/pay.vtc.vn/gate/WSCheckTrans.asmx")
ENDPOINTS = (
    *(("create", "GET", path, _decode_checkout, _encode_checkout) for path in CHECKOUTS),
    *(("query", "POST", path, _decode_check, _encode_check) for path in CHECKS),
    *(("ask", "GET", path, _decode_description, _encode_description) for path in CHECKS),
)

DIALECT = Dialect(
    code="vtcpay",
    name="VTC Pay",
    shape=Shape.REDIRECT,
    channels=(Channel.INTERNET_BANKING, Channel.CARD),
    endpoints=tuple(
        Endpoint(operation=operation, method=method, path=path, decode=decode, encode=encode)
        for operation, method, path, decode, encode in ENDPOINTS
    ),
    callback=_callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.UNKNOWN}),
    acknowledged=_acknowledged,
    retry=Retry(delays_s=(60, 300, 900)),
    announces=frozenset(State) - {State.PENDING, State.PARTLY_REFUNDED, State.REFUNDED},
    return_url=_return_url,
    secrets=("secret",),
    error_page=ErrorPage(path="/error.html", parameter="status", texts=STATUSES),
    sources=("vtcpay-opencps1", "vtcpay-doc", "vtcpay-samples", "vtcpay-tvod"),
    assumptions=assumed("vtcpay", ASSUMPTIONS),
)
