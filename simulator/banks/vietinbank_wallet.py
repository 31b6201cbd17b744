"""VietinBank's wallet API: a partner pays with a card, an account or a token of one, and passes the payer's OTP on.

Rule: every request and answer signs plain values one after another, without a separator.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import msgspec

from simulator.cards import masked, scheme_of
from simulator.clock import VIETNAM, compact, parse_compact
from simulator.dialect import (
    Ack,
    Ask,
    Command,
    Confirm,
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
from simulator.payment import (
    COLLECTED,
    Channel,
    Merchant,
    Order,
    Outcome,
    Payment,
    Reason,
    RefundState,
    Refusal,
    State,
    Step,
)
from simulator.settlement import vietinbank_card
from simulator.signing import (
    hmac_sha512_hex,
    rsa_sha1_sign,
    rsa_sha1_verify,
    rsa_sha256_sign,
    rsa_sha256_verify,
    sha256_hex,
)
from simulator.wire import JSON_TYPE, Answer, Outgoing, Request, Response, json_object, json_response

Fields = dict[str, str]


@dataclass(frozen=True, slots=True)
class Message:
    """What one request signs ("amount+remark"), and which of its fields may not be empty."""

    signed: str
    needed: tuple[str, ...]


def _message(signed: str, needed: str) -> Message:
    # vietinbank-ewallet#signature: every request ends in these six; requestId is often not signed at all.
    tail = "providerId+merchantId+channel+version+language+mac"
    fields = f"{signed}+{tail}" if signed else tail
    return Message(fields, ("requestId", "merchantId", "channel", *needed.split()))


_PAID_BY_TOKEN = _message(
    "token+tokenIssueDate+amount+currencyCode+transTime+clientIP+payMethod+goodsType+billNo+remark",
    "token tokenIssueDate amount transTime",
)
# vietinbank-ewallet#messages: paths, signed fields and what may not be empty.
MESSAGES = {
    "registerOnlinePay": _message(
        "cardNumber+cardIssueDate+cardHolderName+providerCustId+custIDNo+custIDIssueDate+custIDIssueBy+custPhoneNo"
        "+custGender+custBirthday+clientIP+transTime",
        "cardNumber cardHolderName providerCustId custIDNo custPhoneNo transTime",
    ),
    "tokenIssue": _message(
        "cardNumber+cardIssueDate+cardHolderName+providerCustId+custPhoneNo+custIDNo+clientIP+transTime+requestId",
        "cardNumber cardHolderName providerCustId custPhoneNo custIDNo transTime",
    ),
    "tokenIssuer-payment": _message(
        "cardNumber+cardIssueDate+cardHolderName+amount+currencyCode+providerCustId+custPhoneNo+custIDNo+clientIP"
        "+transTime+requestId",
        "cardNumber cardHolderName amount currencyCode providerCustId custPhoneNo custIDNo transTime",
    ),
    "paymentByToken": _PAID_BY_TOKEN,
    "paymentByOTP": _PAID_BY_TOKEN,
    "verifyPin": _message(
        "otp+verifyTransactionId+verifyBy+transTime+clientIP+requestId", "otp verifyTransactionId verifyBy transTime"
    ),
    "transactionInquiry": _message("queryTransactionId+queryType", "queryTransactionId queryType"),
    "tokenRevoke": _message("token+tokenIssueDate+transTime+clientIP", "token tokenIssueDate transTime"),
    "tokenReIssue": _message("token+tokenIssueDate+transTime+clientIP", "token tokenIssueDate transTime"),
    "withdraw": _message(
        "token+tokenIssueDate+amount+currencyCode+transTime+clientIP+benName+benAcctNo+benIDNo+benAddInfo+remark",
        "token tokenIssueDate amount transTime",
    ),
    "providerInquiry": _message("", ""),
    "refund": _message(
        "amount+currencyCode+refundTransactionId+transTime+clientIP", "amount refundTransactionId transTime"
    ),
}
# vietinbank-ewallet#lengths; those of providerId, merchantId, version and signature are from the QR confirm or ours.
LENGTHS = {
    **dict.fromkeys(("requestId", "refundTransactionId", "verifyTransactionId", "verifyBy"), 12),
    **dict.fromkeys(("cardNumber", "token", "queryTransactionId", "otp"), 20),
    **dict.fromkeys(("cardIssueDate", "tokenIssueDate", "queryType"), 6),
    **dict.fromkeys(("providerCustId", "custIDNo", "custIDIssueDate", "custIDIssueBy", "custPhoneNo"), 30),
    **dict.fromkeys(("custGender", "custBirthday", "amount", "currencyCode", "payMethod", "goodsType", "billNo"), 30),
    **{"benName": 30, "benAcctNo": 30, "benIDNo": 30, "benAddInfo": 100},
    **{"channel": 15, "language": 3, "mac": 30, "transTime": 14, "clientIP": 16, "cardHolderName": 50, "remark": 100},
    **{"providerId": 15, "merchantId": 15, "version": 10, "signature": 999},
}
CHANNELS = frozenset({"MOBILE", "WEB", "POS", "DESKTOP"})

# vietinbank-ewallet#codes: 00, 07, 20 and 27. All others are ours: 01, 02 and 99 from VietinBank's bill collection,
# the rest from ISO 8583.
TEXTS = {
    "00": "Giao dịch thành công",
    "01": "Chữ ký không hợp lệ",
    "02": "Không tìm thấy đối tác hoặc giao dịch",
    "05": "Giao dịch bị từ chối",
    "07": "Trùng mã yêu cầu",
    "12": "Giao dịch không hợp lệ",
    "13": "Số tiền không hợp lệ",
    "14": "Số thẻ, tài khoản hoặc token không đúng",
    "20": "Cần xác thực OTP",
    "27": "Tài khoản chính của đối tác không đủ số dư",
    "30": "Sai định dạng",
    "51": "Không đủ số dư",
    "55": "Sai OTP",
    "57": "Chưa đăng ký thanh toán trực tuyến",
    "61": "Vượt hạn mức giao dịch",
    "62": "Thẻ hoặc tài khoản bị khóa",
    "68": "Chưa rõ kết quả, cần tra soát",
    "75": "Nhập sai OTP quá số lần",
    "91": "Ngân hàng đang bảo trì",
    "99": "Lỗi khác",
}
_REFUND_AMOUNTS = (
    *(Reason.FULL_REFUND_AFTER_PART, Reason.ONLY_PART_REFUND),
    *(Reason.REFUND_ABOVE_PAYMENT, Reason.REFUNDS_ABOVE_PAYMENT),
)
_REFUSED = {
    "01": (Reason.BAD_SIGNATURE,),
    "02": (Reason.UNKNOWN_MERCHANT, Reason.UNKNOWN_ORDER),
    "05": (Reason.EXPIRED, Reason.REFUND_REFUSED),
    "07": (Reason.DUPLICATE_ORDER, Reason.TOO_SOON),
    "12": (Reason.UNKNOWN_COMMAND, Reason.INVALID_CURRENCY, Reason.NOT_PAID, Reason.ALREADY_PAID),
    "13": (Reason.INVALID_AMOUNT, *_REFUND_AMOUNTS),
    "14": (Reason.WRONG_PAYER,),
    "30": (Reason.MALFORMED,),
    "68": (Reason.TIMED_OUT,),
    "91": (Reason.MAINTENANCE,),
}
_ENDED = {
    "05": (Outcome.TIMED_OUT, Outcome.CANCELLED, Outcome.REVERSED, Outcome.SUSPECTED_FRAUD, Outcome.OTHER),
    "14": (Outcome.WRONG_DETAILS,),
    "51": (Outcome.INSUFFICIENT_FUNDS,),
    "57": (Outcome.NOT_REGISTERED,),
    "61": (Outcome.OVER_LIMIT,),
    "62": (Outcome.ACCOUNT_LOCKED,),
    "75": (Outcome.WRONG_OTP, Outcome.WRONG_PASSWORD),
    "91": (Outcome.MAINTENANCE,),
}
REFUND_CODES = {RefundState.MADE: "00", RefundState.PENDING: "68", RefundState.REFUSED: "05"}
REFUSALS = {reason: code for code, reasons in _REFUSED.items() for reason in reasons}
OUTCOMES = {outcome: code for code, outcomes in _ENDED.items() for outcome in outcomes}
# What only a request with a true signature is refused for.
_PROVED = frozenset({Reason.INVALID_AMOUNT, Reason.INVALID_CURRENCY, Reason.WRONG_PAYER, Reason.MAINTENANCE})

ANSWER_SIGNED = "requestId+providerId+merchantId+code"  # vietinbank-ewallet#response
# vietinbank-qr-confirm: the fields and their lengths are known; signing all of them in this order is ours.
CONFIRM_LENGTHS = {
    **{"requestId": 12, "merchantId": 15, "merchantName": 50, "terminalId": 20, "bankTransactionId": 50, "amount": 30},
    **{"orderId": 12, "productId": 12, "statusCode": 2, "statusMessage": 50, "transactionDate": 14},
}
CONFIRM_SIGNED = "+".join(CONFIRM_LENGTHS)

_TURNS, _HALF = 4, 10**10
ACCOUNT_MAX = 14
BALANCE_VND = "1000000000"


def token_of(number: str, key: str, issue: int = 1) -> str:
    """The 20 digits that stand for a card or account number of at most 19 digits, for who has the key.

    `issue`, 1 or 2, is which of its two tokens a number has: issued again it gets the other one.
    """
    left, right = divmod(int(f"{issue}{number}"), _HALF)
    for turn in range(_TURNS):
        left, right = right, (left + _mixed(key, turn, right)) % _HALF
    return f"{left:010}{right:010}"


def number_of(token: str, key: str) -> str:
    """The number that a token stands for; "" if it stands for none."""
    return _issued(token, key)[1]


def _issued(token: str, key: str) -> tuple[int, str]:
    """(which issue it is, the number it stands for); (0, "") for a token of nobody's."""
    if not re.fullmatch(r"[0-9]{20}", token, re.ASCII):
        return 0, ""
    left, right = int(token[:10]), int(token[10:])
    for turn in reversed(range(_TURNS)):
        left, right = (right - _mixed(key, turn, left)) % _HALF, left
    text = str(left * _HALF + right)
    return (int(text[0]), text[1:]) if text[0] in "12" else (0, "")


def _mixed(key: str, turn: int, half: int) -> int:
    return int(hmac_sha512_hex(key, f"{turn}|{half}".encode())[:16], 16)


def string_to_sign(fields: Mapping[str, str], signed: str, merchant: Merchant) -> bytes:
    """The values one after another; a field that is not there is nothing, or the text "null" by the contract."""
    absent = "null" if merchant.options.get("absent") == "null" else ""
    return "".join(fields.get(name, absent) for name in signed.split("+")).encode()


def _signature(fields: Mapping[str, str], signed: str, merchant: Merchant) -> str:
    sign = rsa_sha256_sign if merchant.options.get("digest") == "sha256" else rsa_sha1_sign
    return sign(merchant.secrets["bank_private_key"], string_to_sign(fields, signed, merchant))


def _truly_signed(fields: Mapping[str, str], signed: str, merchant: Merchant) -> bool:
    verify = rsa_sha256_verify if merchant.options.get("digest") == "sha256" else rsa_sha1_verify
    text, signature = string_to_sign(fields, signed, merchant), fields.get("signature", "")
    try:
        return verify(merchant.secrets["partner_public_key"], text, signature)
    except ValueError:  # The partner has given the bank no RSA key.
        return False


def _texts(body: Mapping[str, object], names: tuple[str, ...]) -> Fields:
    """Those of the fields that are there, as texts. Raises ValueError."""
    found: Fields = {}
    for name in names:
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, str) and (type(value) is not int or not 0 <= value < 10**15):
            raise ValueError(f"{name} must be a text")
        found[name] = str(value)
        if "\x00" in found[name] or len(found[name]) > LENGTHS[name]:
            raise ValueError(f"{name} must have at most {LENGTHS[name]} characters and no NUL")
    return found


def _opened(kind: str, request: Request, merchants: Merchants) -> tuple[Fields, Merchant, tuple[str, ...]]:
    """(the fields that count, who signed them, remarks for the journal). Raises Refusal."""
    message = MESSAGES[kind]
    try:
        body = json_object(request.body)
        wire = _texts(body, (*message.signed.split("+"), *message.needed, "signature"))
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error
    merchant = merchants(wire.get("merchantId", ""))
    refused = partial(Refusal, merchant=merchant, wire=wire)
    empty = [name for name in message.needed if not wire.get(name)]
    if empty:
        raise refused(Reason.MALFORMED, f"{', '.join(empty)} may not be empty")
    try:
        parse_compact(wire.get("transTime", "20000101000000"))
    except ValueError as error:
        raise refused(Reason.MALFORMED, f"transTime {error}") from error
    if merchant is None or wire.get("providerId", "") != merchant.options.get("provider_id", ""):
        raise refused(Reason.UNKNOWN_MERCHANT, f"{wire.get('providerId', '')} {wire['merchantId']}")
    if not _truly_signed(wire, message.signed, merchant):
        raise refused(Reason.BAD_SIGNATURE, "signature")
    if "amount" in message.needed and not re.fullmatch(r"[1-9][0-9]{0,14}", wire["amount"]):
        raise refused(Reason.INVALID_AMOUNT, f"amount {wire['amount']!r}")
    if wire.get("currencyCode", "") not in ("", "VND"):
        raise refused(Reason.INVALID_CURRENCY, wire["currencyCode"])
    return wire, merchant, _remarks(wire)


def _remarks(wire: Fields) -> tuple[str, ...]:
    """What the bank lets pass but a partner should not send."""
    remarks = [] if wire["channel"] in CHANNELS else [f"channel is none of {', '.join(sorted(CHANNELS))}"]
    return (*remarks, *(() if wire.get("version") == "1.0" else ("version is not 1.0",)))


def decode_link(kind: str, request: Request, merchants: Merchants) -> Ask:
    """registerOnlinePay and tokenIssue: the payer's card or account becomes known to the partner."""
    wire, merchant, remarks = _opened(kind, request, merchants)
    if not re.fullmatch(r"[0-9]{1,19}", wire["cardNumber"]):
        raise Refusal(Reason.WRONG_PAYER, "cardNumber is no number", merchant=merchant, wire=wire)
    return Ask(merchant=merchant, wire=wire, warnings=remarks, pays_with=wire["cardNumber"])


def decode_token(kind: str, request: Request, merchants: Merchants) -> Ask:
    """tokenRevoke, tokenReIssue and withdraw: messages about a token, not about a payment."""
    wire, merchant, remarks = _opened(kind, request, merchants)
    number = _pays_with(wire["token"], merchant)
    if not scheme_of(number) and not 0 < len(number) <= ACCOUNT_MAX:
        raise Refusal(Reason.WRONG_PAYER, "the token stands for nobody", merchant=merchant, wire=wire)
    if kind == "withdraw" and int(wire["amount"]) > int(_balance(merchant)):
        raise Refusal(Reason.MAINTENANCE, "the partner's master account is too low", merchant=merchant, wire=wire)
    return Ask(merchant=merchant, wire=wire, warnings=remarks)


def decode_provider(kind: str, request: Request, merchants: Merchants) -> Ask:
    """providerInquiry: what is left on the partner's master account."""
    wire, merchant, remarks = _opened(kind, request, merchants)
    return Ask(merchant=merchant, wire=wire, warnings=remarks)


def _pays_with(token: str, merchant: Merchant) -> str:
    """The number that this partner's token stands for; "" if it stands for none or was revoked."""
    revoked = merchant.options.get("revoked_tokens", "").split()
    return "" if token in revoked else number_of(token, merchant.secrets["token_key"])


def _balance(merchant: Merchant) -> str:
    """VND on the partner's master account, as the contract says."""
    given = merchant.options.get("master_balance_vnd", BALANCE_VND)
    left = given if re.fullmatch(r"[0-9]{1,15}", given, re.ASCII) else BALANCE_VND
    return "0" if merchant.options.get("master_account") == "empty" else left


def decode_pay(kind: str, request: Request, merchants: Merchants) -> Create:
    wire, merchant, remarks = _opened(kind, request, merchants)
    key = merchant.secrets["token_key"]
    number = wire["cardNumber"] if "cardNumber" in wire else _pays_with(wire["token"], merchant)
    if not re.fullmatch(r"[0-9]{1,19}", number):
        raise Refusal(Reason.WRONG_PAYER, "no card or account of that number", merchant=merchant, wire=wire)
    order = Order(
        order_ref=wire["requestId"],
        order_key=wire["requestId"],
        amount_vnd=int(wire["amount"]),
        description=wire.get("remark") or wire.get("billNo", ""),
        ordered_at=parse_compact(wire["transTime"]),
        channel=Channel.CARD if scheme_of(number) else Channel.INTERNET_BANKING,
        issuer_code="" if scheme_of(number) else "VIETINBANK",
        locale="en" if wire.get("language", "").lower().startswith("en") else "vi",
        client_ip=wire.get("clientIP", ""),
        wire={
            "kind": kind,
            "token": token_of(number, key),
            "card_mask": masked(number),
            "terminal": wire["channel"],
            "goods": wire.get("goodsType", ""),
        },
    )
    return Create(merchant=merchant, wire=wire, warnings=remarks, order=order, pays_with=number)


def decode_verify(kind: str, request: Request, merchants: Merchants) -> Confirm:
    """verifyTransactionId is the requestId of the payment."""
    wire, merchant, remarks = _opened(kind, request, merchants)
    order_key = wire["verifyTransactionId"]
    return Confirm(merchant=merchant, wire=wire, warnings=remarks, order_key=order_key, otp=wire["otp"])


def decode_inquiry(kind: str, request: Request, merchants: Merchants) -> Query:
    wire, merchant, remarks = _opened(kind, request, merchants)
    name, request_ref = wire["queryTransactionId"], wire["requestId"]
    return Query(merchant=merchant, wire=wire, warnings=remarks, name=name, request_ref=request_ref)


def decode_refund(kind: str, request: Request, merchants: Merchants) -> RefundOrder:
    wire, merchant, remarks = _opened(kind, request, merchants)
    if int(wire["amount"]) > int(_balance(merchant)):
        raise Refusal(Reason.MAINTENANCE, "the partner's master account is too low", merchant=merchant, wire=wire)
    return RefundOrder(
        merchant=merchant,
        wire=wire,
        warnings=remarks,
        order_key=wire["refundTransactionId"],
        request_ref=wire["requestId"],
        amount_vnd=int(wire["amount"]),
        full=False,
    )


def encode(
    kind: str,
    accepted: Callable[[str, Command, Reply], Response],
    request: Request,
    command: Command | None,
    result: Reply | Refusal,
) -> Response:
    if not isinstance(result, Refusal):
        assert command is not None, "only what was understood is replied to"
        return accepted(kind, command, result)
    short = kind in ("refund", "withdraw") and result.reason is Reason.MAINTENANCE
    code = "27" if short else REFUSALS.get(result.reason, "99")
    if command is not None:
        return _answered(code, command.wire, command.merchant)
    return _answered(code, result.wire, result.merchant, proved=result.reason in _PROVED)


def _linked(kind: str, command: Command, reply: Reply) -> Response:
    if kind == "registerOnlinePay":
        return _answered("00", command.wire, command.merchant)
    number = command.wire["cardNumber"]
    token = token_of(number, command.merchant.secrets["token_key"])
    return _answered("00", command.wire, command.merchant, _token(token, masked(number), reply))


def _about_token(kind: str, command: Command, reply: Reply) -> Response:
    wire, merchant = command.wire, command.merchant
    if kind == "tokenRevoke":
        return _answered("00", wire, merchant)
    if kind == "tokenReIssue":
        key = merchant.secrets["token_key"]
        issue, number = _issued(wire["token"], key)
        return _answered("00", wire, merchant, _token(token_of(number, key, 3 - issue), masked(number), reply))
    # The same request again is answered with the same number: the money left once.
    number = str(int(sha256_hex(f"withdraw|{merchant.merchant_code}|{wire['requestId']}".encode())[:16], 16))
    return _answered("00", wire, merchant, {"bankTransactionId": number[:14].zfill(14)})


def _told_balance(kind: str, command: Command, reply: Reply) -> Response:
    merchant = command.merchant
    account = merchant.options.get("master_account_id", merchant.merchant_code)
    balance = {"acctId": account, "amount": _balance(merchant), "currencyCode": "VND"}
    return _answered("00", command.wire, merchant, {"balances": balance})


def _created(kind: str, command: Command, reply: Reply) -> Response:
    payment = _payment(reply)
    code = payment_code(payment)
    # vietinbank-ewallet#otp: its client expects 00 where these two have sent an OTP, and 20 from paymentByToken alone.
    if code == "20" and kind != "paymentByToken" and command.merchant.options.get("otp_answer", "00") == "00":
        code = "00"
    return _answered(code, command.wire, command.merchant, {"bankTransactionId": payment.bank_ref})


def _verified(kind: str, command: Command, reply: Reply) -> Response:
    payment = _payment(reply)
    code = payment_code(payment)
    more = {"bankTransactionId": payment.bank_ref}
    kept = payment.order.wire
    if code == "00" and kept.get("kind") == "tokenIssuer-payment":
        more |= _token(kept["token"], kept["card_mask"], reply)
    return _answered("55" if code == "20" else code, command.wire, command.merchant, more)


def _inquired(kind: str, command: Command, reply: Reply) -> Response:
    payment, asked = _payment(reply), command.wire["queryTransactionId"]
    refund = next((each for each in payment.all_refunds if asked in (each.request_ref, each.bank_ref)), None)
    if refund is not None:
        more = {"bankTransactionId": refund.bank_ref, "description": f"refund of {refund.amount_vnd} VND"}
        return _answered(REFUND_CODES[refund.state], command.wire, command.merchant, more)
    more = {"bankTransactionId": payment.bank_ref, "description": f"{payment.state}: {payment.amount_vnd} VND"}
    return _answered(payment_code(payment), command.wire, command.merchant, more)


def _refunded(kind: str, command: Command, reply: Reply) -> Response:
    bank_ref = reply.refund.bank_ref if reply.refund else _payment(reply).bank_ref
    return _answered("00", command.wire, command.merchant, {"bankTransactionId": bank_ref})


def _payment(reply: Reply) -> Payment:
    assert reply.payment is not None, "this reply is about a payment"
    return reply.payment


def payment_code(payment: Payment) -> str:
    """How a payment stands. Only 20 and 68 are not the end of it."""
    if payment.state in COLLECTED:
        return "00"
    if payment.state is State.SUSPECTED:
        return "68"
    if payment.state is State.PENDING:
        return "68" if payment.step is Step.DONE else "20"
    return OUTCOMES.get(payment.outcome or Outcome.OTHER, "99")


def _token(token: str, card_mask: str, reply: Reply) -> Fields:
    issued = reply.now.astimezone(VIETNAM)
    expires = issued + timedelta(days=3 * 365)
    dates = {"tokenIssueDate": f"{issued:%y%m%d}", "tokenExpireDate": f"{expires:%y%m%d}"}
    return {"token": token, **dates, "cardMask": card_mask}


def _answered(
    code: str,
    wire: Mapping[str, str],
    merchant: Merchant | None,
    more: Mapping[str, object] | None = None,
    *,
    proved: bool = True,
) -> Response:
    """Signed only for who has proved himself: else anybody could have an answer of choice signed."""
    ids = {name: wire.get(name, "") for name in ("requestId", "providerId", "merchantId")}
    signature = _signature({**ids, "code": code}, ANSWER_SIGNED, merchant) if merchant and proved else ""
    status = {"code": code, "message": TEXTS[code]}
    return json_response({"signature": signature, **ids, "status": status, **(more or {})})


def callback(notice: Notice) -> Outgoing:
    """The confirmation that VietinBank sends merchants for QR payments, sent here for every payment that ended."""
    payment, merchant = notice.payment, notice.merchant
    code = payment_code(payment)
    fields = {
        "requestId": _confirm_ref(payment),
        "merchantId": merchant.merchant_code,
        "merchantName": merchant.name,
        "terminalId": payment.order.wire.get("terminal") or merchant.options.get("terminal_id", ""),
        "bankTransactionId": payment.bank_ref,
        "amount": str(payment.amount_vnd),
        "orderId": payment.order.order_ref,
        "productId": payment.order.wire.get("goods") or merchant.options.get("product_id", ""),
        "statusCode": code,
        "statusMessage": TEXTS[code],
        "transactionDate": compact(payment.settled_at or notice.now),
    }
    fields = {name: value[: CONFIRM_LENGTHS[name]] for name, value in fields.items()}
    fields = worded(notice, fields, optional=("terminalId", "productId"))
    body = {**fields, "signature": _signature(fields, CONFIRM_SIGNED, merchant)}
    return Outgoing("POST", merchant.callback_url, (("content-type", JSON_TYPE),), msgspec.json.encode(body))


def _confirm_ref(payment: Payment) -> str:
    """12 characters, the same for every attempt at telling this state."""
    return sha256_hex(f"{payment.payment_id}|{payment.state}".encode())[:12]


def acknowledged(answer: Answer, notice: Notice) -> Ack:
    """Done only by an answer that the partner signed for this very message."""
    if answer.status != 200:
        return Ack(False, answer.error or f"HTTP {answer.status}")
    try:
        body = json_object(answer.body)
        fields = _texts(body, ("requestId", "providerId", "merchantId", "signature"))
    except ValueError as error:
        return Ack(False, str(error)[:200])
    status = body.get("status")
    code = status.get("code") if isinstance(status, dict) else None
    if not isinstance(code, str) or fields.get("requestId") != _confirm_ref(notice.payment):
        return Ack(False, "no status.code for this requestId")
    if not _truly_signed({**fields, "code": code}, ANSWER_SIGNED, notice.merchant):
        return Ack(False, f"status.code {code[:40]!r} with a wrong signature")
    return Ack(code in ("00", "07"), f"status.code {code[:40]}")


def names(payment: Payment) -> tuple[str, ...]:
    """What transactionInquiry may ask for: the partner's number or the bank's, of a payment or of its refunds."""
    refunds = (ref for refund in payment.all_refunds for ref in (refund.request_ref, refund.bank_ref))
    return (payment.order.order_key, payment.bank_ref, *refunds)


ASSUMPTIONS = (
    ("callback", "VietinBank's QR merchant confirm, for every payment that ended", "no wallet callback is public", ""),
    ("callback-signature", "all of its values in the order of its fields", "its fields are known, its rule is not", ""),
    ("callback-number", "requestId made from the payment and its state", "the same in every attempt", ""),
    ("acknowledgement", "HTTP 200, the bank's own answer form, signed, 00 or 07", "no rule is public", ""),
    ("retries", "after 1, 2, 5, 10 and 30 min; 30 s for an answer", "no schedule is public", "retries"),
    ("announced", "paid, failed, cancelled, expired, reversed", "statusCode can tell every end", ""),
    ("digest", "SHA1", "the known client signs so; newer VietinBank interfaces use SHA256", "options.digest"),
    ("absent", "a field that is not there signs as nothing", "Java clients sign it as null", "options.absent"),
    ("otp-answer", "00 of paymentByOTP and tokenIssuer-payment where an OTP was sent, 20 of paymentByToken",
     "so its known client reads them; 20 says it everywhere", "options.otp_answer"),
    ("codes", "all but 00, 07, 20, 27: bill collection's 01, 02, 99, else ISO 8583", "few codes are public", ""),
    ("suspected", "68 while the bank holds or does not know, as for 20 the end is open", "no code is public", ""),
    ("master-account", "empty = 27 for refund and withdraw", "a switch for tests", "options.master_account"),
    ("master-balance", "a billion dong unless the contract says else; it never changes",
     "no balance is kept", "options.master_balance_vnd"),
    ("master-account-id", "the partner's code", "acctId is known by name alone", "options.master_account_id"),
    ("linking", "registerOnlinePay and tokenIssue end at once, without OTP",
     "a known client waits for verifyPin after 00, but a pure bank keeps no link to confirm", ""),
    ("revoke", "is answered; only a token that the contract names does not pay", "a pure bank keeps no table",
     "options.revoked_tokens"),
    ("reissue", "a number has two tokens; issued again it gets the other, the old one still pays", "not told", ""),
    ("withdraw", "ends at once, moves nothing in the books, a repeated request is answered as the first",
     "money that no payment brought has no place in a simulator of payments", ""),
    ("token", "20 digits made from the number by a key; any tokenIssueDate, no end", "a pure bank keeps no table", ""),
    ("token-dates", "yyMMdd; tokenExpireDate after 1095 days", "6 characters is all that is known", ""),
    ("card-details", "holder name, issue date and identity are not compared", "linking checks them at the bank", ""),
    ("verify-by", "any value", "no value is public", ""),
    ("inquiry", "any queryType; status is the transaction's; by the partner's or the bank's number", "not told", ""),
    ("refund-partial", "parts are refunded up to the payment", "the message has an amount, no rule is public", ""),
    ("refund-state", "68 while pending, 05 refused, at once and when inquired", "no code is public", ""),
    ("unsigned-refusal", "signature is empty before the caller has proved itself", "no oracle for signatures", ""),
    ("paths", "below /ewallet, as the names of the messages", "hosts and prefixes differ", ""),
    ("otp-life", "5 min", "the law's limit for an OTP by SMS", ""),
)  # fmt: skip

ENDPOINTS: tuple[tuple[str, str, Callable[..., Command], Callable[..., Response]], ...] = (
    ("ask", "registerOnlinePay", decode_link, _linked),
    ("ask", "tokenIssue", decode_link, _linked),
    ("create", "paymentByToken", decode_pay, _created),
    ("create", "paymentByOTP", decode_pay, _created),
    ("create", "tokenIssuer-payment", decode_pay, _created),
    ("confirm", "verifyPin", decode_verify, _verified),
    ("query", "transactionInquiry", decode_inquiry, _inquired),
    ("refund", "refund", decode_refund, _refunded),
    ("ask", "tokenRevoke", decode_token, _about_token),
    ("ask", "tokenReIssue", decode_token, _about_token),
    ("ask", "withdraw", decode_token, _about_token),
    ("ask", "providerInquiry", decode_provider, _told_balance),
)

DIALECT = Dialect(
    code="vietinbank_wallet",
    name="VietinBank ví điện tử và thẻ",
    shape=Shape.SERVER_CREATE,
    channels=(Channel.CARD, Channel.INTERNET_BANKING),
    endpoints=tuple(
        Endpoint(
            operation=operation,
            method="POST",
            path=f"/ewallet/{kind}",
            decode=partial(decode, kind),
            encode=partial(encode, kind, accepted),
        )
        for operation, kind, decode, accepted in ENDPOINTS
    ),
    callback=callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.OPTIONAL, Part.UNKNOWN}),
    acknowledged=acknowledged,
    retry=Retry(delays_s=(60, 120, 300, 600, 1800), timeout_s=30),
    announces=frozenset({State.PAID, State.FAILED, State.CANCELLED, State.EXPIRED, State.REVERSED}),
    secrets=("bank_private_key", "partner_public_key", "token_key"),
    page_life_s=300,
    names=names,
    settlement=(vietinbank_card.FILE,),
    sources=("vietinbank-ewallet", "vietinbank-qr-confirm"),
    assumptions=assumed("vietinbank_wallet", ASSUMPTIONS),
)
