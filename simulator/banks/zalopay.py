"""ZaloPay version 2: create, query, refund and refund query by JSON or form, a list of banks, called back on success.

Rule: a MAC is HMAC-SHA256 over values joined by "|": key1 signs what the connector sends, key2 what ZaloPay sends; the
callback's MAC is over the very bytes of its `data`. Amounts are dong, instants milliseconds, days those of GMT+7.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

import msgspec

from simulator import form
from simulator.clock import compact
from simulator.dialect import (
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
    QueryRefund,
    RefundOrder,
    Reply,
    Shape,
    assumed,
    worded,
)
from simulator.outbox import Retry
from simulator.payment import COLLECTED, Channel, Merchant, Order, Outcome, Payment, Reason, RefundState, Refusal, State
from simulator.signing import hmac_sha256_hex, same, sha256_hex
from simulator.wire import JSON_TYPE, Answer, Outgoing, Request, Response, json_object, json_response

Fields = Mapping[str, str]

# zalopay-v2#mac, zalopay-nodejs#mac; zalopay-clients#banks. Of query's string the last value is key1 itself.
SIGNED = {
    "create": "app_id app_trans_id app_user amount app_time embed_data item",
    "query": "app_id app_trans_id key1",
    "refund": "app_id zp_trans_id amount description timestamp",
    "refund_fee": "app_id zp_trans_id amount refund_fee_amount description timestamp",  # zalopay-v2#refund
    "query_refund": "app_id m_refund_id timestamp",
    "banks": "appid reqtime",
}
NEEDED = {**SIGNED, "create": f"{SIGNED['create']} description", "refund": f"{SIGNED['refund']} m_refund_id"}
# zalopay-v2#create, zalopay-nodejs#create: lengths and letters.
FORMS = {
    "app_id": r"[0-9]{1,10}",
    "appid": r"[0-9]{1,10}",
    "app_user": r".{1,50}",
    "app_trans_id": r"[0-9]{6}_\S{1,33}",
    "app_time": r"[0-9]{1,15}",
    "amount": r"[0-9]{1,15}",
    "item": r".{2,2048}",
    "embed_data": r".{2,1024}",
    "description": r".{1,256}",
    "bank_code": r".{0,20}",
    "callback_url": r"(https?://[^/?#\s]\S{0,240})?",
    "expire_duration_seconds": r"[0-9]{0,7}",
    "zp_trans_id": r"[0-9]{1,18}",
    "refund_fee_amount": r"[0-9]{0,15}",
    "m_refund_id": r"[0-9]{6}_[0-9]{1,10}_\S{1,27}",
    "timestamp": r"[0-9]{1,15}",
    "reqtime": r"[0-9]{1,15}",
}
OPTIONAL = {"create": ("bank_code", "callback_url", "expire_duration_seconds"), "refund": ("refund_fee_amount",)}
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # line ends and tabs may stand in JSON
WEB = re.compile(r"https?://[^/?#\s]\S{0,500}")
EXPIRY_MIN_S, EXPIRY_MAX_S = 300, 2_592_000  # zalopay-v2#create
WINDOW = timedelta(minutes=15)  # zalopay-v2#create: app_time against the present
QUERIED_FOR = timedelta(hours=48)  # zalopay-v2#query

CHANNELS = {"zalopayapp": Channel.QR, "CC": Channel.CARD}  # zalopay-v2#bank-code; any other is a bank's
PMCS = {Channel.CARD: 36, Channel.INTERNET_BANKING: 39}  # zalopay-clients#banks; 38 is the wallet
# zalopay-v2#banks: 37 is an account at a bank, 39 a domestic card, 41 a debit card of Visa or Mastercard.
BANKS = {
    36: {"CC": "Visa, Mastercard, JCB"},
    37: {"VCB": "Vietcombank", "BIDV": "BIDV"},
    38: {"zalopayapp": "ZaloPay"},
    39: {"VTB": "VietinBank", "VCB": "Vietcombank", "BIDV": "BIDV", "ACB": "ACB", "SCB": "Sacombank", "MB": "MB"},
    41: {"CCDB": "Visa Debit, Mastercard Debit"},
}
# zalopay-nodejs#query: sub_return_code of what failed; -32 where none says why.
FAILURE_CODES = {
    **dict.fromkeys(Outcome, -32),
    Outcome.TIMED_OUT: -322,
    Outcome.CANCELLED: -329,
    Outcome.MAINTENANCE: -43,
    Outcome.REVERSED: -101,
}
# zalopay-v2#query: (return_code, sub_return_code); FAILED asks its outcome.
STATE_CODES = {
    State.PENDING: (3, 3),
    State.PAID: (1, 1),
    State.CANCELLED: (2, -329),
    State.EXPIRED: (2, -322),
    State.SUSPECTED: (3, 3),
    State.REVERSED: (2, -101),
    State.PARTLY_REFUNDED: (1, 1),
    State.REFUNDED: (1, -101),
}
# zalopay-nodejs#create, zalopay-nodejs#query, zalopay-v2#status-codes
REFUSALS = {
    Reason.MALFORMED: -401,
    Reason.UNKNOWN_COMMAND: -405,
    Reason.UNKNOWN_MERCHANT: -402,
    Reason.BAD_SIGNATURE: -403,
    Reason.RETURN_URL_NOT_REGISTERED: -401,
    Reason.INVALID_AMOUNT: -401,
    Reason.INVALID_CURRENCY: -401,
    Reason.MAINTENANCE: -33,
    Reason.EXPIRED: -401,
    Reason.DUPLICATE_ORDER: -68,
    Reason.UNKNOWN_ORDER: -401,
    Reason.TOO_SOON: -68,
    Reason.NOT_PAID: 406,
    Reason.FULL_REFUND_AFTER_PART: 406,
    Reason.ONLY_PART_REFUND: 406,
    Reason.REFUND_ABOVE_PAYMENT: -401,
    Reason.REFUNDS_ABOVE_PAYMENT: 406,
    Reason.REFUND_REFUSED: -32,
    Reason.ALREADY_PAID: 406,
    Reason.WRONG_PAYER: -401,
    Reason.TIMED_OUT: -500,
    Reason.UNKNOWN: -500,
}
MESSAGES = {
    1: "Giao dịch thành công",
    2: "Giao dịch thất bại",
    3: "Giao dịch chưa được thanh toán hoặc đang được xử lý",
    406: "Trạng thái giao dịch không cho phép",
    -32: "Giao dịch không thực hiện được",
    -34: "Kênh thanh toán đang bảo trì",
    -35: "Kênh thanh toán không được hỗ trợ",
    -33: "Ứng dụng đang bảo trì",
    -43: "Ngân hàng đang bảo trì",
    -68: "Mã giao dịch đã tồn tại",
    -88: "Hệ thống đang bảo trì",
    -101: "Giao dịch đã được hoàn tiền",
    -135: "Dịch vụ đang bảo trì",
    -301: "Hệ thống xử lý giao dịch đang có lỗi",
    -322: "Đã quá hạn thanh toán",
    -329: "Người dùng hủy giao dịch",
    -401: "Dữ liệu yêu cầu không hợp lệ",
    -402: "Ứng dụng không hợp lệ",
    -403: "Chữ ký không hợp lệ",
    -405: "Yêu cầu không hợp lệ",
    -429: "Quá số lần yêu cầu cho phép",
    -500: "Hệ thống đang có lỗi",
    -999: "Hệ thống đang bảo trì",
}


def mac(kind: str, fields: Fields, key: str) -> str:
    """Of a request: 64 lower-case hex digits."""
    return hmac_sha256_hex(key, "|".join(fields.get(name, "") for name in SIGNED[kind].split()).encode())


def _decode(kind: str, request: Request, merchants: Merchants) -> Command:
    fields = _fields(request.query if request.method == "GET" else request.body)
    for name in (*NEEDED[kind].split(), *OPTIONAL.get(kind, ())):
        text = fields.get(name, "")
        if name != "key1" and (CONTROL.search(text) or re.fullmatch(FORMS[name], text, re.DOTALL) is None):
            raise Refusal(Reason.MALFORMED, f"{name}: missing or in a bad format")
    app_id = fields["appid" if kind == "banks" else "app_id"]
    merchant = merchants(app_id)
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, app_id)
    key1 = merchant.secrets["key1"]
    signed = "refund_fee" if kind == "refund" and fields.get("refund_fee_amount") else kind
    if not same(fields.get("mac", ""), mac(signed, {**fields, "key1": key1}, key1)):
        raise Refusal(Reason.BAD_SIGNATURE, "mac", merchant=merchant)
    return _COMMANDS[kind](fields, merchant)


def _fields(raw: bytes) -> dict[str, str]:
    """zalopay-v2#create: a form or JSON; what is neither a text nor a whole number counts as absent."""
    try:
        if raw.lstrip()[:1] != b"{":
            return form.fields(form.pieces(raw))
        given = json_object(raw)
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error
    return {name: str(value) for name, value in given.items() if type(value) in (str, int)}


def _create(fields: Fields, merchant: Merchant) -> Create:
    embedded = _embedded(fields)
    ordered_at, amount_vnd = _instant(fields["app_time"], "app_time"), int(fields["amount"])
    life_s = int(fields.get("expire_duration_seconds") or EXPIRY_MIN_S)
    if not EXPIRY_MIN_S <= life_s <= EXPIRY_MAX_S:
        raise Refusal(Reason.MALFORMED, f"expire_duration_seconds: not from {EXPIRY_MIN_S} to {EXPIRY_MAX_S}")
    if amount_vnd == 0:
        raise Refusal(Reason.INVALID_AMOUNT, "amount: 0")
    bank_code, target = fields.get("bank_code", ""), embedded.get("redirecturl") or fields.get("redirect_url", "")
    usable = isinstance(target, str) and WEB.fullmatch(target) is not None
    order = Order(
        order_ref=fields["app_trans_id"],
        order_key=fields["app_trans_id"],
        amount_vnd=amount_vnd,
        description=fields["description"],
        ordered_at=ordered_at,
        expires_at=ordered_at + timedelta(seconds=life_s) if fields.get("expire_duration_seconds") else None,
        return_url=str(target) if usable else merchant.options.get("return_url", ""),
        channel=CHANNELS.get(bank_code, Channel.INTERNET_BANKING) if bank_code else None,
        issuer_code="" if bank_code in CHANNELS else bank_code,
        wire={name: fields.get(name, "") for name in ("app_user", "app_time", "embed_data", "item", "callback_url")},
    )
    warnings = ("redirecturl is no http or https address",) if target and not usable else ()
    return Create(merchant=merchant, wire=fields, order=order, warnings=warnings)


def _embedded(fields: Fields) -> dict[str, object]:
    """The object in embed_data. Raises Refusal for it, or an item, that is no JSON of its kind."""
    try:
        msgspec.json.decode(fields["item"], type=list[object])
        return json_object(fields["embed_data"].encode())
    except (ValueError, RecursionError) as error:
        raise Refusal(Reason.MALFORMED, f"item or embed_data: {error}"[:200]) from error


def _instant(milliseconds: str, name: str) -> datetime:
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Refusal(Reason.MALFORMED, f"{name}: no such instant") from error


def _query(fields: Fields, merchant: Merchant) -> Query:
    return Query(merchant=merchant, wire=fields, order_key=fields["app_trans_id"])


def _refund(fields: Fields, merchant: Merchant) -> RefundOrder:
    if fields["m_refund_id"].split("_")[1] != merchant.merchant_code:  # zalopay-nodejs#refund
        raise Refusal(Reason.MALFORMED, "m_refund_id: not yymmdd_appid_...", merchant=merchant)
    fee_vnd = int(fields.get("refund_fee_amount") or "0")
    if fee_vnd >= int(fields["amount"]) > 0:
        raise Refusal(Reason.INVALID_AMOUNT, "refund_fee_amount: nothing is left for the payer", merchant=merchant)
    return RefundOrder(
        merchant=merchant,
        wire=fields,
        claims={f"refund:{fields['m_refund_id']}": Reason.DUPLICATE_ORDER},
        warnings=(f"of the refund {fee_vnd} are a fee",) if fee_vnd else (),
        name=f"zp:{fields['zp_trans_id']}",
        request_ref=fields["m_refund_id"],
        amount_vnd=int(fields["amount"]),
        full=False,
    )


def _query_refund(fields: Fields, merchant: Merchant) -> QueryRefund:
    ref = fields["m_refund_id"]
    return QueryRefund(merchant=merchant, wire=fields, name=f"refund:{ref}", request_ref=ref)


def _ask(fields: Fields, merchant: Merchant) -> Ask:
    return Ask(merchant=merchant, wire=fields)


_COMMANDS = {"create": _create, "query": _query, "refund": _refund, "query_refund": _query_refund, "banks": _ask}


def _names(payment: Payment) -> tuple[str, ...]:
    return (f"zp:{payment.bank_ref}", *(f"refund:{refund.request_ref}" for refund in payment.all_refunds))


def _judge(command: Command, payment: Payment | None, now: datetime) -> None:
    """What depends on the present: days in GMT+7, app_time, how long a query is answered."""
    refused = partial(Refusal, Reason.MALFORMED, merchant=command.merchant)
    if isinstance(command, Create):
        ordered_at = command.order.ordered_at or now
        if abs(now - ordered_at) > WINDOW:
            raise refused("app_time: more than 15 minutes from now")
        if command.order.order_ref[:6] != _day(now):
            raise refused(f"app_trans_id: does not start with {_day(now)}, the day in GMT+7")
    if isinstance(command, RefundOrder) and command.request_ref[:6] != _day(now):
        raise refused(f"m_refund_id: does not start with {_day(now)}, the day in GMT+7")
    if isinstance(command, Query) and payment is not None and now - payment.created_at > QUERIED_FOR:
        raise Refusal(Reason.UNKNOWN_ORDER, "older than 48 hours", merchant=command.merchant)


def _day(now: datetime) -> str:
    return compact(now)[2:8]


def _encode(kind: str, request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if kind == "banks":
        return json_response(_bank_list(result))
    if isinstance(result, Refusal):
        return _refused(kind, result.reason)
    assert command is not None, "only a refusal may lack its command"
    assert result.payment is not None, "all but the list of banks is about a payment"
    payment = result.payment
    if kind == "create":
        token = sha256_hex(payment.payment_id.encode())[:32]
        page = {"order_url": result.page_url, "zp_trans_token": token, "order_token": token}
        return json_response(_head(1, 1) | page)
    if kind == "query":
        codes = state_codes(payment)
        told = {"is_processing": _is_processing(payment), "amount": payment.amount_vnd}
        paid = {"zp_trans_id": _number(payment.bank_ref) if codes[0] == 1 else 0, "discount_amount": 0}
        return json_response(_head(*codes) | told | paid | {"server_time": _milliseconds(result.now)})
    # zalopay-v2#refund: usually being processed, so the connector must ask; only query_refund tells the end.
    assert result.refund is not None, "all else is about a refund"
    soon = result.now - result.refund.refunded_at < _takes(command.merchant)
    if kind == "refund":
        soon = command.merchant.options.get("refund", "processing") == "processing"
    refund_id = {"refund_id": _number(result.refund.bank_ref)} if kind == "refund" else {}
    if result.refund.state is RefundState.REFUSED:
        return json_response(_head(2, REFUSALS[Reason.REFUND_REFUSED]) | refund_id)
    soon = soon or result.refund.state is RefundState.PENDING
    return json_response((_head(3, 3) if soon else _head(1, 1)) | refund_id)


def _takes(merchant: Merchant) -> timedelta:
    """How long query_refund says that a refund is being processed."""
    seconds = merchant.options.get("refund_takes_s", "0")
    return timedelta(seconds=int(seconds) if re.fullmatch(r"[0-9]{1,7}", seconds) else 0)


def _head(code: int, sub_code: int) -> dict[str, object]:
    return {
        "return_code": code,
        "return_message": MESSAGES[code],
        "sub_return_code": sub_code,
        "sub_return_message": MESSAGES[sub_code],
    }


def _refused(kind: str, reason: Reason) -> Response:
    """zalopay-nodejs: queries say their trouble in return_code, creating and refunding say 2 and why."""
    code = REFUSALS[reason]
    if kind == "create" and code == -403:
        code = -402  # zalopay-nodejs#create: its list has no -403
    if kind == "create" and reason is Reason.MAINTENANCE:
        code = -999  # zalopay-v2#status-codes
    if reason is Reason.TOO_SOON and kind in ("query", "query_refund"):
        code = -429  # zalopay-nodejs#query: too many requests
    queries = kind in ("query", "query_refund") and reason is not Reason.UNKNOWN_ORDER
    return json_response(_head(code if queries else 2, code))


def _bank_list(result: Reply | Refusal) -> dict[str, object]:
    """zalopay-clients#banks: an older interface, its names without underscores."""
    if isinstance(result, Refusal):
        code = REFUSALS[result.reason]
        return {"returncode": code, "returnmessage": MESSAGES[code], "banks": {}}
    banks = {
        str(pmc): [
            {
                "bankcode": code,
                "name": name,
                "displayorder": place,
                "pmcid": pmc,
                "minamount": 1_000,
                "maxamount": 50_000_000,
            }
            for place, (code, name) in enumerate(listed.items(), 1)
        ]
        for pmc, listed in BANKS.items()
    }
    return {"returncode": 1, "returnmessage": MESSAGES[1], "banks": banks}


def state_codes(payment: Payment) -> tuple[int, int]:
    """(return_code, sub_return_code) of a query."""
    failed = (2, FAILURE_CODES[payment.outcome or Outcome.OTHER])
    return STATE_CODES.get(payment.state, failed)


def _is_processing(payment: Payment) -> bool:
    undecided = payment.state is State.PENDING and payment.outcome is Outcome.UNKNOWN
    return undecided or payment.state is State.SUSPECTED


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else 0


def _channel_number(payment: Payment) -> int:
    return PMCS.get(payment.channel, 38) if payment.channel else 38


def _data(payment: Payment, merchant: Merchant) -> dict[str, object]:
    """zalopay-v2#callback: what happened."""
    order = payment.order
    ordered_at = _milliseconds(order.ordered_at or payment.created_at)
    app_user = order.wire.get("app_user", "")
    return {
        "app_id": _number(merchant.merchant_code),
        "app_trans_id": order.order_ref,
        "app_time": _number(order.wire.get("app_time", "")) or ordered_at,
        "app_user": app_user,
        "amount": payment.amount_vnd,
        "embed_data": order.wire.get("embed_data", "{}"),
        "item": order.wire.get("item", "[]"),
        "zp_trans_id": _number(payment.bank_ref),
        "server_time": _milliseconds(payment.settled_at or payment.created_at),
        "channel": _channel_number(payment),
        "merchant_user_id": sha256_hex(app_user.encode())[:20],
        "user_fee_amount": 0,
        "discount_amount": 0,
    }


def _callback(notice: Notice) -> Outgoing:
    """It can only say "paid": the protocol has no callback of a failure."""
    optional = ("merchant_user_id", "user_fee_amount", "discount_amount")
    # zalopay-v2#callback: the text that key2 signs.
    data = msgspec.json.encode(worded(notice, _data(notice.payment, notice.merchant), optional=optional))
    signature = hmac_sha256_hex(notice.merchant.secrets["key2"], data)
    body = msgspec.json.encode({"data": data.decode(), "mac": signature, "type": 1})
    url = notice.payment.order.wire.get("callback_url") or notice.merchant.callback_url  # zalopay-nodejs#create
    return Outgoing("POST", url, (("content-type", JSON_TYPE),), body)


def _acknowledged(answer: Answer, notice: Notice) -> Ack:
    if answer.status != 200:
        return Ack(False, f"HTTP {answer.status}" if answer.status else answer.error or "no answer")
    try:
        code = json_object(answer.body).get("return_code")
    except ValueError as error:
        return Ack(False, str(error)[:200])
    if type(code) is not int:
        return Ack(False, "no return_code, or one that is no number")
    return Ack(code in (1, 2), f"return_code {code}")  # zalopay-v2#callback: done, or known already


def _return_url(payment: Payment, merchant: Merchant) -> str:
    """zalopay-clients#redirect: older names than elsewhere, signed by key2."""
    if not payment.order.return_url:
        return ""
    fields = {
        "appid": merchant.merchant_code,
        "apptransid": payment.order.order_ref,
        "pmcid": str(_channel_number(payment)),
        "bankcode": payment.issuer_code,
        "amount": str(payment.amount_vnd),
        "discountamount": "0",
        "status": "1" if payment.state in COLLECTED else str(state_codes(payment)[1]),
    }
    checksum = hmac_sha256_hex(merchant.secrets["key2"], "|".join(fields.values()).encode())
    return form.added(payment.order.return_url, form.written({**fields, "checksum": checksum}))


def _bank_ref(rng: Random, now: datetime) -> str:
    return f"{_day(now)}{rng.randrange(10**9):09d}"  # zalopay-v2#query: samples are the day and nine digits


ASSUMPTIONS = (
    ("retries", "three more calls, a minute apart; 15 s for an answer", "three is documented, no interval", "retries"),
    ("acknowledgement", "HTTP 200 with return_code as a number", "the codes alone are documented", ""),
    ("refund", "answered 3, done at once; 1 with refund = done", "how long it takes is not told", "options.refund"),
    ("refund-time", "query_refund says 1 at once, or 3 for so long", "no time is told", "options.refund_takes_s"),
    (
        "refund-fee",
        "refund_fee_amount is signed and noted, the books have the whole refund",
        "who keeps it: untold",
        "",
    ),
    ("refund-refused", "2 with -32", "2 is told, its sub code is not", ""),
    ("refund-number", "-68 where another payment has the m_refund_id", "it must be unique, the code is not told", ""),
    ("agreements", "payments by agreement (callbacks of type 2) are not spoken", "their callback is not public", ""),
    ("never-sent", "-34, -35, -88, -135 and -301", "their causes are not simulated apart", ""),
    ("refund-refusals", "-68 used before, 406 not to be refunded, else -401", "no list for refunds", ""),
    ("refund-day", "m_refund_id starts with the present day in GMT+7; timestamp may be any", "form known only", ""),
    ("app-time", "15 minutes either way; expire_duration_seconds counts from app_time", "one bound is told", ""),
    ("query-unpaid", "return_code 3 with sub code 3, zp_trans_id 0", "no sub code is listed", ""),
    ("query-unknown", "an unknown or older order is 2 with -401", "no code is listed", ""),
    ("query-refunded", "wholly refunded 1 with -101, reversed 2 with -101", "-101 is listed without a state", ""),
    ("failures", "-32 unless cancelled, expired or maintenance", "few causes are listed", ""),
    ("create-signature", "-402 in create, -403 elsewhere", "create's list has no -403", ""),
    ("messages", "return_message and sub_return_message are ours", "texts are not listed", ""),
    ("redirect-status", "1 if paid, else the query's sub code", "1 is documented alone", ""),
    ("redirect-url", "redirecturl of embed_data, redirect_url, or the option", "clients differ", "options.return_url"),
    ("numbers", "pmcid and channel: 36 cards, 38 wallet, 39 banks", "read in clients", ""),
    ("bank-list", "eleven entries, each from 1,000 to 50,000,000", "the true list changes", ""),
    ("merchant-user", "merchant_user_id is made from app_user", "no rule is public", ""),
    ("create-reply", "order_token is zp_trans_token; no qr_code", "current documents could not be compared", ""),
    ("xml", "requests in XML are malformed", "no client that sends them is known", ""),
)

_PATHS = (
    ("create", "POST", "/v2/create", "create"),
    ("query", "POST", "/v2/query", "query"),
    ("refund", "POST", "/v2/refund", "refund"),
    ("query_refund", "POST", "/v2/query_refund", "query_refund"),
    ("ask", "POST", "/api/getlistmerchantbanks", "banks"),
    ("ask", "GET", "/api/getlistmerchantbanks", "banks"),  # zalopay-clients#banks: official samples use both
)

DIALECT = Dialect(
    code="zalopay",
    name="ZaloPay v2",
    shape=Shape.SERVER_CREATE,
    channels=(Channel.QR, Channel.MOBILE, Channel.CARD, Channel.INTERNET_BANKING),
    endpoints=tuple(
        Endpoint(
            operation=operation,
            method=method,
            path=path,
            decode=partial(_decode, kind),
            encode=partial(_encode, kind),
        )
        for operation, method, path, kind in _PATHS
    ),
    callback=_callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.OPTIONAL, Part.UNKNOWN}),
    acknowledged=_acknowledged,
    retry=Retry(delays_s=(60, 60, 60), timeout_s=15),  # zalopay-v2#callback
    tells_refunds=frozenset(RefundState),
    announces=frozenset({State.PAID}),  # zalopay-v2#callback: success only
    return_url=_return_url,
    secrets=("key1", "key2"),
    page_life_s=900,  # zalopay-v2#create
    bank_ref=_bank_ref,
    names=_names,
    judge=_judge,
    tells_failures=False,
    sources=("zalopay-v2", "zalopay-nodejs", "zalopay-clients"),
    assumptions=assumed("zalopay", ASSUMPTIONS),
)
