"""VNPAY PAY 2.1.0: pay and genqr by GET, querydr and refund by JSON, callback and return by GET.

Rule: money on this wire is dong times 100, time is GMT+7, and a signature is judged over the bytes as they came.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from simulator import form, qr
from simulator.clock import compact, parse_compact
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
    RefundOrder,
    Reply,
    Shape,
    assumed,
    worded,
)
from simulator.outbox import Retry
from simulator.payment import COLLECTED, Channel, Merchant, Order, Outcome, Payment, Reason, RefundState, Refusal, State
from simulator.settlement import vnpay_day
from simulator.signing import hmac_sha512_hex, same, sha256_hex
from simulator.wire import Answer, Outgoing, Request, Response, is_web_address, json_object, json_response, redirect

Fields = Mapping[str, str]


def _wire(names: str) -> tuple[str, ...]:
    return tuple(f"vnp_{name}" for name in names.split())


PAY = _wire("Version Command TmnCode Amount CreateDate CurrCode IpAddr Locale OrderInfo OrderType ReturnUrl TxnRef")
PAY_OPTIONAL = _wire("BankCode ExpireDate")  # vnpay-pay-2-1-0#request demands ExpireDate, many clients omit it
# vnpay-querydr-refund#hash: the fields of each message, all but TransactionNo demanded, as they are signed.
SIGNED = {
    "querydr": _wire("RequestId Version Command TmnCode TxnRef TransactionDate CreateDate IpAddr OrderInfo"),
    "refund": _wire(
        "RequestId Version Command TmnCode TransactionType TxnRef Amount TransactionNo TransactionDate"
        " CreateBy CreateDate IpAddr OrderInfo"
    ),
}
API_OPTIONAL = _wire("TransactionNo")
SIGNED_REPLY = _wire(
    "ResponseId Command ResponseCode Message TmnCode TxnRef Amount BankCode PayDate TransactionNo"
    " TransactionType TransactionStatus OrderInfo"
)
PROMOTION = _wire("PromotionCode PromotionAmount")  # signed, though empty, in querydr's answer only
# vnpay-pay-2-1-0#request, vnpay-querydr-refund#request: lengths and digits; letters are not looked at.
_FORMS = {
    "Version": r"2\.1\.0",
    "Command": r".{1,16}",
    "TmnCode": r".{1,20}",
    "Amount": r"[0-9]{1,12}",
    "BankCode": r".{3,20}",
    "CreateDate": r"[0-9]{14}",
    "ExpireDate": r"[0-9]{14}",
    "TransactionDate": r"[0-9]{14}",
    "CurrCode": r".{3}",
    "IpAddr": r".{3,45}",  # documented from 7; "::1" is common in working clients (vnpay-clients#ip)
    "Locale": r"vn|en",
    "OrderInfo": r".{1,255}",
    "OrderType": r".{1,100}",
    "ReturnUrl": r".{10,255}",
    "TxnRef": r"[^|]{1,100}",
    "RequestId": r".{1,32}",
    "TransactionNo": r"[0-9]{1,15}",
    "TransactionType": r"0[23]",
    "CreateBy": r".{1,245}",
}
FORMS = {f"vnp_{name}": re.compile(form) for name, form in _FORMS.items()}
DATES = frozenset(name for name in FORMS if name.endswith("Date"))
UNSIGNED = (b"vnp_SecureHash", b"vnp_SecureHashType")
PLAIN = re.compile(r"[A-Za-z0-9 :.,_-]*")  # vnpay-pay-2-1-0#request: no diacritics, no special characters
CONTROL = re.compile(r"[\x00-\x1f\x7f]")

# vnpay-pay-2-1-0#response-code
RESPONSE_CODES = {
    Outcome.SUCCESS: "00",
    Outcome.SUSPECTED_FRAUD: "07",
    Outcome.NOT_REGISTERED: "09",
    Outcome.WRONG_DETAILS: "10",
    Outcome.TIMED_OUT: "11",
    Outcome.ACCOUNT_LOCKED: "12",
    Outcome.WRONG_OTP: "13",
    Outcome.CANCELLED: "24",
    Outcome.INSUFFICIENT_FUNDS: "51",
    Outcome.OVER_LIMIT: "65",
    Outcome.MAINTENANCE: "75",
    Outcome.WRONG_PASSWORD: "79",
    Outcome.REVERSED: "99",
    Outcome.UNKNOWN: "99",
    Outcome.OTHER: "99",
}
# vnpay-pay-2-1-0#transaction-status
STATUS_CODES = {
    State.PENDING: "01",
    State.PAID: "00",
    State.FAILED: "02",
    State.CANCELLED: "02",
    State.EXPIRED: "02",
    State.SUSPECTED: "07",
    State.REVERSED: "04",
    State.PARTLY_REFUNDED: "00",
    State.REFUNDED: "00",
}
# vnpay-pay-2-1-0#transaction-status: of a refund that is being worked on, or was rejected.
REFUND_STATUS = {RefundState.MADE: "00", RefundState.PENDING: "05", RefundState.REFUSED: "09"}
# vnpay-querydr-refund#codes; the words of 91 and 94 as recorded (vnpay-clients#answers), the others are ours.
QUERY_REFUSALS = {
    Reason.MALFORMED: ("03", "Data_format_invalid"),
    Reason.UNKNOWN_COMMAND: ("03", "Command_invalid"),
    Reason.UNKNOWN_MERCHANT: ("02", "TmnCode_invalid"),
    Reason.BAD_SIGNATURE: ("97", "Checksum_invalid"),
    Reason.UNKNOWN_ORDER: ("91", "Transaction_not_found"),
    Reason.TOO_SOON: ("94", "Request_is_duplicate"),
}
REFUND_REFUSALS = QUERY_REFUSALS | {
    Reason.INVALID_AMOUNT: ("93", "Amount_invalid"),
    Reason.NOT_PAID: ("95", "Transaction_not_success"),
    Reason.FULL_REFUND_AFTER_PART: ("04", "Full_refund_after_partial"),
    Reason.ONLY_PART_REFUND: ("13", "Only_partial_refund"),
    Reason.REFUND_ABOVE_PAYMENT: ("93", "Amount_invalid"),
    Reason.REFUNDS_ABOVE_PAYMENT: ("02", "Total_refund_above_payment"),
    Reason.TIMED_OUT: ("98", "Timeout"),
}
# vnpay-error-page
PAGE_REFUSALS = {
    Reason.UNKNOWN_MERCHANT: "72",
    Reason.BAD_SIGNATURE: "70",
    Reason.RETURN_URL_NOT_REGISTERED: "71",
    Reason.EXPIRED: "15",
    Reason.DUPLICATE_ORDER: "01",
} | dict.fromkeys((Reason.MALFORMED, Reason.UNKNOWN_COMMAND, Reason.INVALID_AMOUNT, Reason.INVALID_CURRENCY), "03")
ERROR_TEXTS = {
    "01": ("Giao dịch đã tồn tại.", "This transaction already exists."),
    "03": ("Dữ liệu gửi sang không đúng định dạng.", "The data sent is not in the right format."),
    "15": ("Giao dịch đã quá thời gian chờ thanh toán.", "The time to pay has run out."),
    "70": ("Sai chữ ký.", "The signature is wrong."),
    "71": ("Website này chưa được phê duyệt.", "This website has not been approved."),
    "72": ("Không tìm thấy website.", "The website was not found."),
    "76": ("Ngân hàng thanh toán không được hỗ trợ.", "This bank is not supported."),
    "99": ("Có lỗi xảy ra trong quá trình xử lý.", "An error occurred while processing."),
}
METHODS = {"VNPAYQR": Channel.QR, "VNBANK": Channel.INTERNET_BANKING, "INTCARD": Channel.CARD}
CARDS = ("VISA", "MASTERCARD", "JCB")
BANKS = (  # vnpay-clients#bank-codes
    *("NCB", "AGRIBANK", "SCB", "SACOMBANK", "EXIMBANK", "MSBANK", "NAMABANK", "VIETINBANK", "VIETCOMBANK"),
    *("HDBANK", "TPBANK", "OJB", "BIDV", "TECHCOMBANK", "VPBANK", "MBBANK", "ACB", "OCB", "IVB", "VIB"),
)


def _decode_pay(request: Request, merchants: Merchants) -> Create:
    pieces = form.pieces(request.query)
    fields = _form_fields(pieces)
    _check(fields, PAY, PAY_OPTIONAL)
    if not is_web_address(fields["vnp_ReturnUrl"]):
        raise Refusal(Reason.MALFORMED, "vnp_ReturnUrl is no http or https address")
    bank_code = fields.get("vnp_BankCode", "")
    if bank_code and bank_code not in (*METHODS, *CARDS, *BANKS):
        raise Refusal(Reason.MALFORMED, "vnp_BankCode is unknown", wire={"vnp_BankCode": bank_code})
    if fields["vnp_Command"] not in ("pay", "genqr"):
        raise Refusal(Reason.UNKNOWN_COMMAND, fields["vnp_Command"])
    merchant = merchants(fields["vnp_TmnCode"])
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, fields["vnp_TmnCode"])
    warnings = (*_judge(fields, merchant, form.readings(pieces, UNSIGNED)), *_remarks(fields))
    amount_vnd = _dong(fields)
    if fields["vnp_CurrCode"] != "VND":
        raise Refusal(Reason.INVALID_CURRENCY, fields["vnp_CurrCode"])
    return Create(merchant=merchant, wire=fields, warnings=warnings, order=_order(fields, amount_vnd))


def _order(fields: Fields, amount_vnd: int) -> Order:
    bank_code, expires = fields.get("vnp_BankCode", ""), fields.get("vnp_ExpireDate", "")
    usual = Channel.CARD if bank_code in CARDS else Channel.INTERNET_BANKING if bank_code else None
    return Order(
        order_ref=fields["vnp_TxnRef"],
        order_key=_order_key(fields, "vnp_CreateDate"),
        amount_vnd=amount_vnd,
        description=fields["vnp_OrderInfo"],
        ordered_at=parse_compact(fields["vnp_CreateDate"]),
        expires_at=parse_compact(expires) if expires else None,
        return_url=fields["vnp_ReturnUrl"],
        channel=Channel.QR if fields["vnp_Command"] == "genqr" else METHODS.get(bank_code, usual),
        issuer_code="" if bank_code in METHODS else bank_code,
        locale="en" if fields["vnp_Locale"] == "en" else "vi",
        client_ip=fields["vnp_IpAddr"],
        wire={"vnp_Command": fields["vnp_Command"], "vnp_BankCode": bank_code},
    )


def _order_key(fields: Fields, date: str) -> str:
    return f"{fields['vnp_TxnRef']}|{fields[date][:8]}"  # vnpay-pay-2-1-0#request: unique within its day


def _remarks(fields: Fields) -> Iterator[str]:
    if "vnp_SecureHashType" in fields:  # vnpay-2-1-0-upgrade: it belonged to 2.0
        yield "vnp_SecureHashType must not be sent with 2.1.0"
    if not fields.get("vnp_ExpireDate"):
        yield "vnp_ExpireDate is absent, the current documents demand it"
    if PLAIN.fullmatch(fields["vnp_OrderInfo"]) is None:
        yield "vnp_OrderInfo has diacritics or special characters, the documents exclude them"
    if len(fields["vnp_IpAddr"]) < 7:
        yield "vnp_IpAddr is shorter than the documented 7 characters"


def _decode_api(request: Request, merchants: Merchants) -> Query | RefundOrder:
    fields = _json_fields(request.body)
    merchant = merchants(fields.get("vnp_TmnCode", ""))
    try:
        return _understood(fields, merchant)
    except Refusal as refusal:
        raise Refusal(refusal.reason, refusal.detail, merchant=merchant, wire=fields) from None


def _understood(fields: Fields, merchant: Merchant | None) -> Query | RefundOrder:
    command = fields.get("vnp_Command", "")
    if command not in SIGNED:
        raise Refusal(Reason.UNKNOWN_COMMAND if command else Reason.MALFORMED, f"vnp_Command: {command!r}")
    signed = SIGNED[command]
    _check(fields, [name for name in signed if name not in API_OPTIONAL], API_OPTIONAL)
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, fields["vnp_TmnCode"])
    warnings = _judge(fields, merchant, _api_readings(signed, fields))
    order_key, ref = _order_key(fields, "vnp_TransactionDate"), fields["vnp_RequestId"]
    if command == "querydr":
        return Query(merchant=merchant, wire=fields, warnings=warnings, order_key=order_key, request_ref=ref)
    return RefundOrder(
        merchant=merchant,
        wire=fields,
        warnings=warnings,
        order_key=order_key,
        request_ref=ref,
        amount_vnd=_dong(fields),
        full=fields["vnp_TransactionType"] == "02",
    )


def _decode_issuers(request: Request, merchants: Merchants) -> Ask:
    fields = _form_fields(form.pieces(request.body))
    merchant = merchants(fields.get("tmn_code", ""))
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, fields.get("tmn_code", ""))
    return Ask(merchant=merchant, wire=fields)


def _form_fields(pieces: list[bytes]) -> dict[str, str]:
    try:
        return form.fields(pieces)
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error


def _json_fields(body: bytes) -> dict[str, str]:
    """vnpay-clients#numbers: dates and amounts come as texts or as whole numbers. Other values count as absent."""
    try:
        given = json_object(body)
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error
    return {name: str(value) for name, value in given.items() if type(value) in (str, int)}


def _check(fields: Fields, needed: Iterable[str], optional: Iterable[str]) -> None:
    if CONTROL.search("".join(fields.values())):
        odd = next(name for name, text in fields.items() if CONTROL.search(text))
        raise Refusal(Reason.MALFORMED, f"{odd} has a control character")
    for name in (*needed, *(name for name in optional if fields.get(name))):
        text = fields.get(name, "")
        if FORMS[name].fullmatch(text) is None or (name in DATES and not _is_date(text)):
            raise Refusal(Reason.MALFORMED, f"{name}: {text!r}")


def _is_date(text: str) -> bool:
    try:
        parse_compact(text)
    except ValueError:
        return False
    return True


def _dong(fields: Fields) -> int:
    amount_vnd, rest = divmod(int(fields["vnp_Amount"]), 100)
    if rest or amount_vnd == 0:
        raise Refusal(Reason.INVALID_AMOUNT, f"vnp_Amount: {fields['vnp_Amount']} is no whole dong times 100")
    return amount_vnd


def _judge(fields: Fields, merchant: Merchant, readings: Iterable[tuple[bytes, str]]) -> tuple[str, ...]:
    """The remarks on the first reading that the signature fits. Raises Refusal if it fits none."""
    given = fields.get("vnp_SecureHash", "")
    case = "" if given == given.lower() else "vnp_SecureHash is in upper case, documented is lower case"
    for message, remark in readings:
        if same(given.lower(), hmac_sha512_hex(merchant.secrets["secret"], message)):
            return tuple(each for each in (case, remark) if each)
    why = {0: "is missing", 32: "is as long as MD5", 64: "is as long as SHA-256"}.get(len(given), "is wrong")
    raise Refusal(Reason.BAD_SIGNATURE, f"vnp_SecureHash {why}, 2.1.0 takes HMAC-SHA512")


def _api_readings(signed: tuple[str, ...], fields: Fields) -> Iterator[tuple[bytes, str]]:
    yield _joined(signed, fields), ""
    if "vnp_TransactionNo" in signed and not fields.get("vnp_TransactionNo"):  # vnpay-clients#transaction-no
        yield _joined(signed, {**fields, "vnp_TransactionNo": "0"}), "an absent vnp_TransactionNo is signed as 0"


def _joined(names: Iterable[str], fields: Fields) -> bytes:
    return "|".join(fields.get(name, "") for name in names).encode()


def _encode_pay(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if command is None:
        genqr = b"vnp_Command=genqr" in form.pieces(request.query)
    else:
        genqr = command.wire["vnp_Command"] == "genqr"
    if isinstance(result, Refusal):
        unsupported = result.reason is Reason.MALFORMED and "vnp_BankCode" in result.wire
        code = "76" if unsupported else PAGE_REFUSALS.get(result.reason, "99")
        if genqr:
            return json_response({"code": code, "message": ERROR_TEXTS[code][1], "qrcontent": ""})
        return redirect(f"Payment/Error.html?code={code}")
    if genqr and command is not None and result.payment is not None:
        text = _qr_text(result.payment, command.merchant)
        return json_response({"code": "00", "message": "Success", "qrcontent": text})
    return redirect(result.page_url)


def _qr_text(payment: Payment, merchant: Merchant) -> str:
    """A code whose number is vnp_TxnRef where that fits into a QR code, else the bank's own number."""
    order_ref, code = payment.order.order_ref, merchant.merchant_code
    number = order_ref if len(order_ref) <= 25 and PLAIN.fullmatch(order_ref) else payment.bank_ref
    name = _plain(merchant.name) or code
    return qr.vnpay_qr(code, payment.amount_vnd, number, merchant_name=name, terminal=code[:25], reference=number)


def _plain(text: str) -> str:
    """At most 25 letters, without diacritics: "Sở Y tế Đà Nẵng" -> "So Y te Da Nang"."""
    bare = unicodedata.normalize("NFKD", text.replace("Đ", "D").replace("đ", "d"))
    return re.sub(r"[^ -~]", "", bare).strip()[:25]


def _encode_api(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(result, Refusal):
        merchant = command.merchant if command else result.merchant
        return _refused(request, merchant, command.wire if command else result.wire, result.reason)
    assert command is not None, "only a refusal may lack its command"
    assert result.payment is not None, "a query or refund is of a payment"
    payment = result.payment
    reply = {
        "vnp_ResponseId": result.reply_ref,
        "vnp_Command": command.wire["vnp_Command"],
        "vnp_ResponseCode": "00",
        "vnp_Message": "QueryDR Success",
        "vnp_TmnCode": command.merchant.merchant_code,
        "vnp_TxnRef": payment.order.order_ref,
        "vnp_Amount": str(payment.amount_vnd * 100),
        "vnp_OrderInfo": payment.order.description,
        "vnp_BankCode": _bank_code(payment),
        "vnp_PayDate": compact(payment.settled_at or payment.created_at),
        "vnp_TransactionNo": _transaction_no(payment),
        "vnp_TransactionType": _transaction_type(payment),
        "vnp_TransactionStatus": _status(payment),
    }
    if result.refund is not None:
        reply |= {
            "vnp_Message": "Refund success",
            "vnp_Amount": str(result.refund.amount_vnd * 100),
            "vnp_OrderInfo": command.wire["vnp_OrderInfo"],
            "vnp_PayDate": compact(result.refund.refunded_at),
            "vnp_TransactionNo": result.refund.bank_ref,
            "vnp_TransactionType": command.wire["vnp_TransactionType"],
            "vnp_TransactionStatus": REFUND_STATUS[result.refund.state],
        }
    return signed_reply(reply, command.merchant)


def _refused(request: Request, merchant: Merchant | None, wire: Fields, reason: Reason) -> Response:
    """vnpay-clients#answers: a refusal names what was asked for and no more; signed where the merchant is known."""
    asked = wire.get("vnp_Command", "")
    refusals = REFUND_REFUSALS if asked == "refund" else QUERY_REFUSALS
    code, message = refusals.get(reason, ("99", "Unknown_error"))
    reply = {
        "vnp_ResponseId": sha256_hex(request.body)[:32],
        "vnp_Command": asked,
        "vnp_ResponseCode": code,
        "vnp_Message": message,
        "vnp_TmnCode": wire.get("vnp_TmnCode", ""),
        "vnp_TxnRef": wire.get("vnp_TxnRef", ""),
    }
    return json_response(reply) if merchant is None else signed_reply(reply, merchant)


def signed_reply(reply: dict[str, str], merchant: Merchant) -> Response:
    names = SIGNED_REPLY if reply["vnp_Command"] == "refund" else SIGNED_REPLY + PROMOTION
    secure_hash = hmac_sha512_hex(merchant.secrets["secret"], _joined(names, reply))
    return json_response({**reply, "vnp_SecureHash": secure_hash})


def _encode_issuers(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    kinds = {1: BANKS, 2: CARDS, 3: METHODS}  # what the numbers mean is ours
    listed = [] if isinstance(result, Refusal) else [(code, kind) for kind in kinds for code in kinds[kind]]
    banks = [
        {
            "bank_code": code,
            "bank_name": f"Ngân hàng {code}" if kind == 1 else code,
            "logo_link": f"/paymentv2/images/bank/{code.lower()}.png",
            "bank_type": kind,
            "display_order": place,
        }
        for place, (code, kind) in enumerate(listed, 1)
    ]
    return json_response(banks)


def _callback(notice: Notice) -> Outgoing:
    status = {"vnp_TransactionStatus": STATUS_CODES[notice.second.state]}
    # vnpay-pay-2-1-0#ipn: the document marks three as not always there.
    optional = ("vnp_BankTranNo", "vnp_CardType", "vnp_PayDate")
    told = worded(notice, _result(notice.payment, notice.merchant), second=status, optional=optional, prefix="vnp_")
    return Outgoing("GET", form.added(notice.merchant.callback_url, _sealed(told, notice.merchant)))


def _return_url(payment: Payment, merchant: Merchant) -> str:
    """A payer who scanned the merchant's own code never left the merchant's page."""
    if payment.order.wire.get("vnp_Command") == "genqr":
        return ""
    return form.added(payment.order.return_url, _sealed(_result(payment, merchant), merchant))


def _result(payment: Payment, merchant: Merchant) -> dict[str, str]:
    """vnpay-pay-2-1-0#ipn: what callback and return tell of a payment; what is not known is empty."""
    debited = payment.state in COLLECTED or payment.state in (State.SUSPECTED, State.REVERSED)
    return {
        "vnp_Amount": str(payment.amount_vnd * 100),
        "vnp_BankCode": _bank_code(payment),
        "vnp_BankTranNo": f"VNP{payment.bank_ref}" if debited else "",
        "vnp_CardType": _card_type(payment),
        "vnp_OrderInfo": payment.order.description,
        "vnp_PayDate": compact(payment.settled_at or payment.created_at),
        "vnp_ResponseCode": RESPONSE_CODES[payment.outcome or Outcome.UNKNOWN],
        "vnp_TmnCode": merchant.merchant_code,
        "vnp_TransactionNo": _transaction_no(payment),
        "vnp_TransactionStatus": STATUS_CODES[payment.state],
        "vnp_TxnRef": payment.order.order_ref,
    }


def _sealed(fields: dict[str, str], merchant: Merchant) -> str:
    """The parameters in their order, signed; an empty one is left out."""
    query = form.written({name: text for name, text in sorted(fields.items()) if text})
    return f"{query}&vnp_SecureHash={hmac_sha512_hex(merchant.secrets['secret'], query.encode())}"


def _bank_code(payment: Payment) -> str:
    """vnpay-clients#cancelled: "VNPAY" until a bank is chosen."""
    method = payment.order.wire.get("vnp_BankCode", "")
    return payment.issuer_code or (method if method != "VNPAYQR" else "") or "VNPAY"


def _card_type(payment: Payment) -> str:
    bank_code = _bank_code(payment)
    if bank_code in CARDS or bank_code == "INTCARD":
        return bank_code if bank_code in CARDS else ""  # vnpay-clients#card-type
    return "QRCODE" if payment.channel is Channel.QR or bank_code == "VNPAY" else "ATM"


def _transaction_no(payment: Payment) -> str:
    """vnpay-clients#cancelled: "0" where no bank was asked."""
    return "0" if payment.state in (State.CANCELLED, State.EXPIRED) else payment.bank_ref


def _transaction_type(payment: Payment) -> str:
    """vnpay-querydr-refund#transaction-type: 01 payment, 02 refunded at one go, 03 in parts."""
    if not payment.all_refunds:
        return "01"
    return "02" if payment.all_refunds[0].amount_vnd == payment.amount_vnd else "03"


def _status(payment: Payment) -> str:
    """vnpay-querydr-refund#transaction-type: once there are refunds, that of the newest one."""
    newest = max(payment.all_refunds, key=lambda each: each.refunded_at, default=None)
    return REFUND_STATUS[newest.state] if newest and payment.state in COLLECTED else STATUS_CODES[payment.state]


def _acknowledged(answer: Answer, notice: Notice) -> Ack:
    if answer.status != 200:
        return Ack(False, f"HTTP {answer.status}" if answer.status else answer.error or "no answer")
    try:
        code = json_object(answer.body).get("RspCode")
    except ValueError as error:
        return Ack(False, str(error)[:200])
    if not isinstance(code, str):
        return Ack(False, "no RspCode, or one that is no text")
    return Ack(code in ("00", "02"), f"RspCode {code[:40]}")  # vnpay-pay-2-1-0#ipn-reply


ASSUMPTIONS = (
    ("callback-timeout", "15 s for an answer", "the documents name none", "retries"),
    ("acknowledgement", "HTTP 200, any content type, RspCode as a text", "only the codes are documented", ""),
    ("rspcode-03", "is sent again, as is any unlisted code", "03 stands in a client's list only", ""),
    ("expired", "is told with 11; TransactionNo 0", "11 is documented; 15 has been seen on returns", ""),
    ("reversed", "is told with 99 and status 04", "the documents give no pair of codes", ""),
    ("transaction-no", "0 if cancelled or expired, else 14 digits", "0 is recorded for cancelled ones", ""),
    ("refund", "made at once: 00; a pending one 05 (recorded), a refused one 09", "no time is documented", ""),
    ("refund-query", "querydr tells the payment's amount, type 02 or 03, the newest refund's status", "no sample", ""),
    ("transaction-date", "only its day must be that of the order", "TxnRef is unique within the day", ""),
    ("messages", "of 91, 94 and success recorded, others ours", "the documents give codes only", ""),
    ("refusal", "querydr and refund: HTTP 200, signed if the merchant is known", "one sample of 91", ""),
    ("error-page", "72 unknown merchant, 76 unknown bank, 99 any other", "third-party reports", ""),
    ("genqr", "takes pay's fields, answers the error page's codes", "its specification is not public", ""),
    ("genqr-number", "objects 62-01 and 62-05 carry TxnRef, if it fits", "two public samples differ", ""),
    ("reload", "the same unpaid order again shows the page again", "a reload is no second payment", ""),
    ("signature-case", "upper-case hex is taken, with a remark", "documented is lower case only", ""),
    ("signature-encoding", "other platforms' encodings are taken, with a remark", "samples differ", ""),
    ("letters", "lengths and digits are checked, letters are not; no control characters", "samples differ", ""),
    ("bank-list", "logos lead nowhere; an unknown tmn_code gets an empty list", "no document", ""),
)

DIALECT = Dialect(
    code="vnpay",
    name="VNPAY PAY 2.1.0",
    shape=Shape.REDIRECT,
    channels=(Channel.INTERNET_BANKING, Channel.QR, Channel.CARD),
    endpoints=(
        Endpoint(
            operation="create",
            method="GET",
            path="/paymentv2/vpcpay.html",
            decode=_decode_pay,
            encode=_encode_pay,
        ),
        Endpoint(
            operation="query",
            method="POST",
            path="/merchant_webapi/api/transaction",
            decode=_decode_api,
            encode=_encode_api,
        ),
        Endpoint(
            operation="ask",
            method="POST",
            path="/qrpayauth/api/merchant/get_bank_list",
            decode=_decode_issuers,
            encode=_encode_issuers,
        ),
    ),
    callback=_callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.SECOND_STATUS, Part.OPTIONAL, Part.UNKNOWN}),
    acknowledged=_acknowledged,
    retry=Retry(delays_s=(300,) * 9),  # vnpay-pay-2-1-0#ipn-reply: ten calls, five minutes apart
    announces=frozenset({State.PAID, State.FAILED, State.CANCELLED, State.EXPIRED, State.SUSPECTED, State.REVERSED}),
    return_url=_return_url,
    secrets=("secret",),
    tells_refunds=frozenset(RefundState),
    query_interval_s=300,  # vnpay-querydr-refund#codes: 94
    page_life_s=900,  # vnpay-error-page: the page's timer
    error_page=ErrorPage(path="/paymentv2/Payment/Error.html", parameter="code", texts=ERROR_TEXTS),
    qr_text=_qr_text,
    settlement=(vnpay_day.FILE,),
    sources=("vnpay-pay-2-1-0", "vnpay-querydr-refund", "vnpay-2-1-0-upgrade", "vnpay-error-page", "vnpay-clients"),
    assumptions=assumed("vnpay", ASSUMPTIONS),
)
