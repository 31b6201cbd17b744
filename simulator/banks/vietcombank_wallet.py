"""Vietcombank's wallet link: a partner takes money from a linked account, with the payer's OTP, at one address.

Rule: what a message says is encrypted under a key made from a pass phrase; the signature covers all around it.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache, partial

import msgspec

from simulator.clock import VIETNAM, parse_compact
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
    Reply,
    Shape,
    assumed,
    worded,
)
from simulator.outbox import Retry
from simulator.payment import COLLECTED, Channel, Merchant, Order, Outcome, Payment, Reason, Refusal, State, Step
from simulator.signing import aes_cbc_decrypted, aes_cbc_encrypted, rsa_sha1_sign, rsa_sha1_verify, sha256_hex
from simulator.wire import JSON_TYPE, Answer, Outgoing, Request, Response, json_object, json_response

Fields = dict[str, str]

# vcb-wallet#secure: hash and size of the key as its client has them; pass phrase, salt and vector are each contract's.
KEY_BYTES, ITERATIONS = 32, 2
TEXT_MAX = 200

# vcb-wallet#messages: what each MessageType cannot do without, beside txnId and partnerId.
MESSAGES = {
    "cash_in": "userId txnAmount",
    "cash_in_otp": "userId otp vcbTransId",
    "check_trans_status": "txnId",
    "cash_out": "userId txnAmount",
    "active_customer": "userId fullname bankAccount idNumber",
    "active_customer_otp": "userId otp vcbTransId",
    "deactive_customer": "userId",
    "check_active_status": "userId",
    "get_partner_acc_balance": "",
    "check_customer_profile": "userId",
}
# vcb-wallet#codes: 0, 10 and 100; vcb-app-codes: all others.
TEXTS = {
    0: "Giao dịch thành công",
    10: "Cần xác thực OTP",
    100: "Hết thời gian chờ, cần tra soát",
    101: "Giao dịch không thành công",
    103: "Quá hạn mức một lần giao dịch",
    104: "Quá hạn mức giao dịch trong ngày",
    105: "Tài khoản không hợp lệ",
    106: "Tài khoản không đủ số dư",
    109: "Số tiền nhỏ hơn hạn mức",
    110: "Cần xác thực OTP",
    111: "Sai OTP",
    113: "OTP hết hạn",
    114: "Nhập sai OTP quá số lần",
    121: "Giao dịch đã tồn tại",
    123: "Hệ thống đang bảo trì",
    125: "CMND/CCCD đang chờ duyệt",
    126: "CMND/CCCD bị từ chối",
    127: "CMND/CCCD bị từ chối, cần cập nhật",
    128: "Chưa đăng ký SMS Banking",
}
IDENTITY_CODES = frozenset({"125", "126", "127"})
REFUSALS = {
    Reason.INVALID_AMOUNT: 109,
    Reason.EXPIRED: 113,
    Reason.DUPLICATE_ORDER: 121,
    Reason.WRONG_PAYER: 105,
    Reason.MAINTENANCE: 123,
    Reason.TIMED_OUT: 100,
}
OUTCOMES = {
    Outcome.NOT_REGISTERED: 128,
    Outcome.WRONG_DETAILS: 105,
    Outcome.ACCOUNT_LOCKED: 105,
    Outcome.TIMED_OUT: 113,
    Outcome.WRONG_OTP: 114,
    Outcome.WRONG_PASSWORD: 114,
    Outcome.INSUFFICIENT_FUNDS: 106,
    Outcome.OVER_LIMIT: 104,
    Outcome.MAINTENANCE: 123,
}


@lru_cache(maxsize=256)
def derived_key(pass_phrase: str, salt: str, hash_name: str = "sha1", iterations: int = ITERATIONS) -> bytes:
    """As .NET's PasswordDeriveBytes: the first block as PBKDF1 has it, the next ones with a counter before the base."""

    def hashed(text: bytes) -> bytes:
        return hashlib.new(hash_name, text, usedforsecurity=False).digest()

    base = hashed(f"{pass_phrase}{salt}".encode())
    for _ in range(iterations - 2):
        base = hashed(base)
    return (hashed(base) + hashed(b"1" + base))[:KEY_BYTES]


def _key(merchant: Merchant) -> tuple[bytes, bytes]:
    """(key, initial vector) of the contract."""
    key = derived_key(merchant.secrets["pass_phrase"], merchant.secrets["salt"])
    return key, merchant.secrets["vector"].encode()[:16].ljust(16, b"0")


def enveloped(message: str, number: str, fields: Mapping[str, object], merchant: Merchant) -> dict[str, object]:
    """PartnerId, RequestId, MessageType, Data, Signature."""
    data = aes_cbc_encrypted(*_key(merchant), msgspec.json.encode(fields))
    signed = f"{merchant.merchant_code}{number}{message}{data}".encode("utf-8", "surrogatepass")
    ids = {"PartnerId": merchant.merchant_code, "RequestId": number, "MessageType": message}
    return {**ids, "Data": data, "Signature": rsa_sha1_sign(merchant.secrets["bank_private_key"], signed)}


def _opened(body: bytes, merchants: Merchants) -> tuple[Fields, dict[str, object], Merchant]:
    """(the envelope, what was encrypted, whose it is). Raises Refusal."""
    try:
        told = json_object(body)
        envelope = {name: _text(told, name) for name in ("PartnerId", "RequestId", "MessageType", "Data", "Signature")}
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:TEXT_MAX]) from error
    merchant = merchants(envelope["PartnerId"])
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, "PartnerId")
    signed = "".join(envelope[name] for name in ("PartnerId", "RequestId", "MessageType", "Data")).encode()
    try:
        true = rsa_sha1_verify(merchant.secrets["partner_public_key"], signed, envelope["Signature"])
        fields = json_object(aes_cbc_decrypted(*_key(merchant), envelope["Data"])) if true else {}
    except ValueError as error:
        raise Refusal(Reason.BAD_SIGNATURE, "Data cannot be decrypted or verified") from error
    if not true:
        raise Refusal(Reason.BAD_SIGNATURE, "Signature")
    return envelope, fields, merchant


def _text(fields: Mapping[str, object], name: str, longest: int = 64 * 1024) -> str:
    """Raises ValueError."""
    value = fields.get(name, "")
    text = str(value) if type(value) is int and abs(value) < 10**15 else value
    if text is None:
        return ""
    if not isinstance(text, str) or len(text) > longest or re.search("[\x00\ud800-\udfff]", text):
        raise ValueError(f"{name} is no text of at most {longest} letters")
    return text


def decode(request: Request, merchants: Merchants) -> Command:
    """All messages come to one address; MessageType says which one it is."""
    envelope, told, merchant = _opened(request.body, merchants)
    kind, number = envelope["MessageType"][:40], envelope["RequestId"]
    wire = {"kind": kind, "number": number[:TEXT_MAX]}
    refused = partial(Refusal, merchant=merchant, wire=wire)
    if kind not in MESSAGES:
        raise refused(Reason.UNKNOWN_COMMAND, f"MessageType {kind!r}")
    names = ("partnerId", "txnId", "txnDesc", "txnCurrency", "txnTime", "lang", *MESSAGES[kind].split())
    try:
        fields = {name: _text(told, name, TEXT_MAX) for name in names}
    except ValueError as error:
        raise refused(Reason.MALFORMED, str(error)) from error
    empty = [name for name in MESSAGES[kind].split() if not fields[name]]
    if empty or not re.fullmatch(r"[!-~]{1,50}", number):
        raise refused(Reason.MALFORMED, f"{', '.join(empty) or 'RequestId'} may not be empty")
    if fields["partnerId"] not in ("", merchant.merchant_code):
        raise refused(Reason.MALFORMED, "another partnerId inside")
    if "txnAmount" in fields:
        _check_money(fields, merchant, wire)
    return _command(kind, number, fields, merchant, wire)


def _check_money(fields: Fields, merchant: Merchant, wire: Fields) -> None:
    if fields["txnCurrency"] not in ("", "VND"):
        raise Refusal(Reason.INVALID_CURRENCY, fields["txnCurrency"], merchant=merchant, wire=wire)
    whole = re.fullmatch(r"([1-9][0-9]{0,14})(?:\.0{1,2})?", fields["txnAmount"], re.ASCII)
    if whole is None or int(whole[1]) < _limit(merchant, "min_vnd", 1):
        raise Refusal(Reason.INVALID_AMOUNT, "txnAmount", merchant=merchant, wire=wire)
    if int(whole[1]) > _limit(merchant, "max_vnd", 10**15):
        raise Refusal(Reason.INVALID_AMOUNT, "txnAmount", merchant=merchant, wire={**wire, "code": "103"})


def _limit(merchant: Merchant, name: str, otherwise: int) -> int:
    text = merchant.options.get(name, "")
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text, re.ASCII) else otherwise


def _command(kind: str, number: str, fields: Fields, merchant: Merchant, wire: Fields) -> Command:
    if kind == "cash_in":
        order = Order(
            order_ref=number,
            order_key=number,
            amount_vnd=int(fields["txnAmount"].partition(".")[0]),
            description=fields["txnDesc"],
            ordered_at=_time(fields["txnTime"]),
            channel=Channel.INTERNET_BANKING,
            issuer_code="VIETCOMBANK",
            locale="en" if fields["lang"] == "en" else "vi",
            wire={"user": fields["userId"]},
        )
        return Create(merchant=merchant, wire=wire, order=order, pays_with=fields["userId"])
    if kind == "cash_in_otp":
        return Confirm(merchant=merchant, wire=wire, name=fields["vcbTransId"], otp=fields["otp"])
    if kind == "check_trans_status":
        return Query(merchant=merchant, wire=wire, name=fields["txnId"])
    return Ask(merchant=merchant, wire={**wire, **{name: fields.get(name, "") for name in ("userId", "otp")}})


def _time(text: str) -> datetime | None:
    """yyyyMMdd'T'HHmmss or the same without T, in GMT+7; anything else is not told."""
    try:
        return parse_compact(text.replace("T", ""))
    except ValueError:
        return None


def encode(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(result, Refusal):
        return _refused(command, result)
    assert command is not None, "only what was understood is replied to"
    if result.payment is None:
        code, data = _asked(command)
    else:
        code = payment_code(result.payment, command)
        data = _transaction(result.payment, code, result.now)
    return _answer(code, command.wire, command.merchant, data)


def _refused(command: Command | None, refusal: Refusal) -> Response:
    wire = command.wire if command else refusal.wire
    merchant = command.merchant if command else refusal.merchant
    code = int(refusal.wire.get("code", "0")) or REFUSALS.get(refusal.reason, 101)
    if merchant is None or "number" not in wire:  # Who has not proved himself gets nothing encrypted or signed.
        return json_response({"code": code, "desc": str(refusal.reason), "message": TEXTS[code]}, 400)
    return _answer(code, wire, merchant, {"transStatus": "T" if code == 100 else "F"})


def _answer(code: int, wire: Mapping[str, str], merchant: Merchant, data: Mapping[str, object]) -> Response:
    told = {"code": code, "desc": TEXTS[code], "message": TEXTS[code], "data": data}
    return json_response(enveloped(wire["kind"], wire["number"], told, merchant))


def payment_code(payment: Payment, command: Command) -> int:
    if payment.state in COLLECTED:
        return 0
    if payment.state is State.SUSPECTED:
        return 100
    if payment.state is State.PENDING and payment.step is Step.DONE:
        return 100
    if payment.state is State.PENDING:
        return 111 if isinstance(command, Confirm) else 10
    return OUTCOMES.get(payment.outcome or Outcome.OTHER, 101)


def _transaction(payment: Payment, code: int, now: datetime) -> dict[str, object]:
    """transStatus: A done, P waits for the OTP, T nobody knows yet, F failed."""
    return {
        "transID": payment.bank_ref,
        "transStatus": {0: "A", 10: "P", 111: "P", 100: "T"}.get(code, "F"),
        "transTime": f"{(payment.settled_at or now).astimezone(VIETNAM):%Y%m%dT%H%M%S}",
        "transAmount": payment.amount_vnd,
        "transCode": payment.order.order_ref,
    }


def _asked(command: Command) -> tuple[int, dict[str, object]]:
    """What no payment answers. A link is not kept: its OTP is compared, and its number follows from the user's."""
    kind, merchant, wire = command.wire["kind"], command.merchant, command.wire
    identity = merchant.options.get("identity", "")
    if identity in IDENTITY_CODES and kind in ("active_customer", "check_customer_profile"):
        return int(identity), {"transStatus": "F"}
    mark = sha256_hex(f"{kind}|{merchant.merchant_code}|{wire['number']}".encode())
    done: dict[str, object] = {"transID": str(int(mark[:12], 16)), "transStatus": "A"}
    if kind == "active_customer":
        return 10, {**done, "transStatus": "P"}
    if kind == "active_customer_otp":
        if wire["otp"] != merchant.options.get("otp", "123456"):
            return 111, {"transStatus": "F"}
        done["vcb_id"] = sha256_hex(f"vcb_id|{merchant.merchant_code}|{wire['userId']}".encode())[:20]
    if kind == "get_partner_acc_balance":
        done["partnerAccBalance"] = merchant.options.get("balance_vnd", "1000000000")
    if kind == "check_customer_profile":
        done["check_profile_result"] = "A"
    return 0, done


def callback(notice: Notice) -> Outgoing:
    """The bank's own "topup": never sent of itself, as a partner's cash_in is answered and asked for."""
    payment, merchant = notice.payment, notice.merchant
    at = (payment.settled_at or notice.now).astimezone(VIETNAM)
    told = {
        "vcb_trans": payment.bank_ref,
        "customerID": payment.order.wire.get("user", payment.order.order_ref),
        "trans_datetime": f"{at:%Y%m%dT%H%M%S}",
        "money": payment.amount_vnd,
    }
    body = msgspec.json.encode(enveloped("topup", payment.bank_ref, worded(notice, told), merchant))
    return Outgoing("POST", merchant.callback_url, (("content-type", JSON_TYPE),), body)


def acknowledged(answer: Answer, notice: Notice) -> Ack:
    """Done by an answer in the same envelope whose code is 0."""
    if answer.status != 200:
        return Ack(False, answer.error or f"HTTP {answer.status}")
    merchant = notice.merchant
    try:
        envelope, told, _ = _opened(answer.body, lambda code: merchant if code == merchant.merchant_code else None)
    except Refusal as refusal:
        return Ack(False, str(refusal)[:TEXT_MAX])
    if envelope["RequestId"] != notice.payment.bank_ref:
        return Ack(False, "an answer to another message")
    code = told.get("code")
    return Ack(type(code) is int and code == 0, f"code {str(code)[:40]}")


def names(payment: Payment) -> tuple[str, ...]:
    return (payment.bank_ref, payment.order.order_key)


ASSUMPTIONS = (
    ("account", "userId is the account that pays: a test account's number", "links are not kept", ""),
    ("linking", "answered, not kept; an OTP of 123456", "only what a payment needs is kept", "options.otp"),
    ("codes", "0, 10, 100 of the wallet's client; 101 to 128 of another program for this bank", "no public list", ""),
    ("code-110", "never sent: 10 says that an OTP is needed", "two programs, two numbers", ""),
    ("limits", "103 above max_vnd, 109 below min_vnd, 104 for a payer over the day's limit", "amounts are not public",
     "options.max_vnd"),
    ("smallest", "one dong", "amounts are not public", "options.min_vnd"),
    ("identity", "125, 126 or 127 where the contract says so", "a switch for tests", "options.identity"),
    ("balance", "a billion dong, or what the contract says; it never changes", "no balance is kept",
     "options.balance_vnd"),
    ("cash-out", "answered, moves nothing in the books", "money that no payment brought has no place here", ""),
    ("status", "A, P, T, F; 111 stays P", "the letters are known, their use in part", ""),
    ("query", "txnId or transID; as often as one likes", "its client repeats the first RequestId", ""),
    ("unproved", "HTTP 400 with code 101, not encrypted", "nothing is told of it", ""),
    ("vector", "the first 16 bytes of a text", "its client has a text", ""),
    ("address", "/EWSRest/api/EWSPublic for all messages", "one client's configuration", ""),
    ("callback", "none; a forced one is the bank's topup", "topup is of payments begun at the bank", ""),
    ("otp-life", "5 min", "the law's limit for an OTP by SMS", ""),
)  # fmt: skip

DIALECT = Dialect(
    code="vietcombank_wallet",
    name="Vietcombank liên kết ví",
    shape=Shape.SERVER_CREATE,
    channels=(Channel.INTERNET_BANKING,),
    endpoints=(
        Endpoint(operation="create", method="POST", path="/EWSRest/api/EWSPublic", decode=decode, encode=encode),
    ),
    callback=callback,
    parts=frozenset({Part.MERCHANT, Part.UNKNOWN}),
    acknowledged=acknowledged,
    retry=Retry(delays_s=(60, 120, 300, 600, 1800), timeout_s=30),
    announces=frozenset(),  # vcb-wallet#calls: its client asks for what it does not know
    secrets=("bank_private_key", "partner_public_key", "pass_phrase", "salt", "vector"),
    page_life_s=300,
    names=names,
    tells_failures=False,
    sources=("vcb-wallet", "vcb-app-codes"),
    assumptions=assumed("vietcombank_wallet", ASSUMPTIONS),
)
