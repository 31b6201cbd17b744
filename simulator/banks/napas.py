"""NAPAS DPS, the gateway for domestic cards: access token, keys of the hosted form, PURCHASE_OTP, refund and query.

Rule: money is whole dong in texts; a result is base64 of JSON with a plain SHA-256 over it and the client's secret.
"""

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from html import escape

import msgspec

from simulator import form
from simulator.clock import compact, parse_compact
from simulator.dialect import (
    Ack,
    Ask,
    Command,
    Confirm,
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
from simulator.settlement import napas as napas_files
from simulator.signing import hmac_sha256_hex, same, secret_sha256_hex
from simulator.wire import (
    FORM_TYPE,
    JSON_TYPE,
    Answer,
    Outgoing,
    Request,
    Response,
    is_web_address,
    json_object,
    json_response,
    redirect,
)

Fields = Mapping[str, str]
Tree = dict[str, object]

TOKEN_LIFE = timedelta(hours=1)
ANYBODY = Merchant(bank="napas", merchant_code="", name="")
SCHEMES = {"AtmCard": Channel.CARD, "CreditCard": Channel.CARD, "QRECOM": Channel.QR}  # napas-dps#hosted-form
FORM_OPERATIONS = ("PAY", "PAY_WITH_RETURNED_TOKEN", "PURCHASE_OTP", "PURCHASE_OTP_RETURN_TOKEN")
CONFIRM = "CONFIRM_OTP"
_FORMS = {
    "version": r"[0-9]{1,3}",
    "order": r"[!-.0-~]{1,40}",
    "transaction": r"[!-.0-~]{1,40}",
    "reference": r"[^\x00-\x1f\x7f]{0,200}",
    "number": r"[0-9]{12,19}",
    "name": r"[^\x00-\x1f\x7f]{1,50}",
    "date": r"[0-9]{2}/?[0-9]{2}",
    "otp": r"[!-~]{1,20}",
}
FORMS = {name: re.compile(each) for name, each in _FORMS.items()}
# napas-dps#gateway-codes: a list of names; which of them means what here is ours.
GATEWAY_CODES = {
    Outcome.SUCCESS: "APPROVED",
    Outcome.SUSPECTED_FRAUD: "PENDING",
    Outcome.NOT_REGISTERED: "UNREGISTERED_CARD",
    Outcome.WRONG_DETAILS: "INVALID_CARDINFO",
    Outcome.TIMED_OUT: "TIMED_OUT",
    Outcome.ACCOUNT_LOCKED: "LOCKED_CARD",
    Outcome.WRONG_OTP: "INVALID_OTP3",
    Outcome.CANCELLED: "CANCEL",
    Outcome.INSUFFICIENT_FUNDS: "INSUFFICIENT_FUNDS",
    Outcome.OVER_LIMIT: "CARD_LIMIT_EXCEEDED",
    Outcome.MAINTENANCE: "BANK_ERROR",
    Outcome.WRONG_PASSWORD: "INVALID_PASSWORD",
    Outcome.REVERSED: "BANK_ERROR",
    Outcome.UNKNOWN: "UNKNOWN",
    Outcome.OTHER: "OTHER_ERROR",
}
# napas-dps#gateway-codes: what a merchant's option may have a payment end with for which the house has no word.
_OTHER_CODES = """
INVALID_CARDNAME INVALID_CARDNO INVALID_ISSDATE INVALID_EXPDATE INVALID_DATE EXPIRED_CARD CARD_ACCOUNT_NOT_ALLOWED
INELIGIBLE OTP_TIMED_OUT AUTHENTICATION_FAILED PENDING_FOR_CARDVER PENDING_FOR_PURCHASE TRANSACTION_LIMIT_EXCEEDED
VALUE_EXCEEDED_LIMIT TRANSACTION_BELOW_LIMIT TRANSACTION_OUT_OF_LIMIT_BANK TRANSACTION_OUT_OF_LIMIT_PG
UNDETERMINED_BALANCE ISSUER_RES_CODE_NOT_FOUND ISSUER_RES_CODE_DUPLICATE REQUEST_ERROR TRANSACTION_NOT_SUPPORTED
INVALID_CARD BLACKLISTED_BIN BLACKLISTED_IP BIN_VELOCITY IP_VELOCITY NOT_ALLOWED
"""
OTHER_CODES = frozenset(_OTHER_CODES.split())
OTP_LIFE = timedelta(minutes=5)
WRONG_OTPS = {1: "INVALID_OTP_1TIME", 2: "INVALID_OTP"}
ENDED = {  # What a state means where the outcome would contradict it.
    State.REVERSED: Outcome.REVERSED,
    State.CANCELLED: Outcome.CANCELLED,
    State.EXPIRED: Outcome.TIMED_OUT,
}
CAUSES = {  # napas-dps#gateway-codes
    Reason.MALFORMED: "INVALID_DATA",
    Reason.UNKNOWN_COMMAND: "TRANSACTION_NOT_SUPPORTED",
    Reason.UNKNOWN_MERCHANT: "INVALID_MERCHANT",
    Reason.BAD_SIGNATURE: "INVALID_CHECKSUM",
    Reason.RETURN_URL_NOT_REGISTERED: "NOT_ALLOWED",
    Reason.INVALID_AMOUNT: "INVALID_AMOUNT",
    Reason.INVALID_CURRENCY: "INVALID_DATA",
    Reason.MAINTENANCE: "BANK_ERROR",
    Reason.EXPIRED: "EXPIRED_ORDER",
    Reason.DUPLICATE_ORDER: "DUPLICATE_ORDERS",
    Reason.UNKNOWN_ORDER: "ORDERS_NOT_FOUND",
    Reason.TOO_SOON: "MC_TRANS_ID_DUPLICATE",
    Reason.NOT_PAID: "ORDERS_NOT_PAID",
    Reason.FULL_REFUND_AFTER_PART: "NOT_ALLOWED",
    Reason.ONLY_PART_REFUND: "NOT_ALLOWED",
    Reason.REFUND_ABOVE_PAYMENT: "EXCEEDING_REFUND_AMOUNT",
    Reason.REFUNDS_ABOVE_PAYMENT: "EXCEEDING_REFUND_AMOUNT",
    Reason.REFUND_REFUSED: "BANK_ERROR",
    Reason.ALREADY_PAID: "FINISHED_PAYMENT",
    Reason.WRONG_PAYER: "INVALID_CARDNO",
    Reason.TIMED_OUT: "REQUEST_TIMEOUT",
    Reason.UNKNOWN: "UNKNOWN",
}
CARD_CAUSES = {"number": "INVALID_CARDNO", "name": "INVALID_CARDNAME", "date": "INVALID_ISSDATE"}
ERROR_TEXTS = {
    "MISSING_DATA": ("Thiếu dữ liệu.", "Data is missing."),
    "FINISHED_PAYMENT": ("Đơn hàng đã được thanh toán trước đó.", "This order was paid before."),
    "INVALID_DATA": ("Dữ liệu không hợp lệ.", "The data is not valid."),
    "TRANSACTION_NOT_SUPPORTED": ("Giao dịch không được hỗ trợ.", "This kind of transaction is not supported."),
    "INVALID_MERCHANT": ("Đơn vị chấp nhận thẻ không hợp lệ.", "The merchant is not valid."),
    "INVALID_CHECKSUM": ("Khóa của biểu mẫu không đúng.", "The form's keys do not belong to this order."),
    "NOT_ALLOWED": ("Giao dịch không được phép.", "This is not allowed."),
    "INVALID_AMOUNT": ("Số tiền không hợp lệ.", "The amount is not valid."),
    "EXPIRED_ORDER": ("Đơn hàng đã hết hạn.", "The order has expired."),
    "DUPLICATE_ORDERS": ("Đơn hàng đã tồn tại.", "This order already exists."),
    "OTHER_ERROR": ("Lỗi khác.", "Another error."),
}
FORM_SCRIPT = b"""(function () {
  var widget = document.getElementById("napas-widget-script");
  var names = "merchantId clientIP deviceId environment cardScheme enable3DSecure orderId apiOperation orderAmount"
    + " orderCurrency orderReference channel sourceOfFundsType dataKey napasKey";
  var form = document.createElement("form");
  function put(name, value) {
    var field = document.createElement("input");
    field.type = "hidden"; field.name = name; field.value = value || "";
    form.appendChild(field);
  }
  names.split(" ").forEach(function (name) { put(name, widget.getAttribute(name)); });
  put("returnUrl", document.getElementById("merchant-form").action);
  form.method = "POST";
  form.action = new URL("../../../rest/hostedform", widget.src).href;
  document.body.appendChild(form);
  form.submit();
})();
"""


def _token(merchant: Merchant, issued: str) -> str:
    """A token that needs no memory: when it was issued, and a proof of that."""
    return issued + hmac_sha256_hex(
        merchant.secrets["client_secret"], f"token|{merchant.merchant_code}|{issued}".encode()
    )


def form_keys(merchant: Merchant, order_id: str, amount: str, currency: str) -> tuple[str, str]:
    """(dataKey, napasKey) of the hosted form: they hold for this order and amount only."""
    text = f"{merchant.merchant_code}|{order_id}|{amount}|{currency}"
    data_key, napas_key = (
        hmac_sha256_hex(merchant.secrets["client_secret"], f"{kind}|{text}".encode()).upper()
        for kind in ("data", "napas")
    )
    return data_key, napas_key


def _decode_token(request: Request, merchants: Merchants) -> Ask:
    fields = _form_fields(request.body)
    if fields.get("grant_type") != "password":
        raise Refusal(Reason.UNKNOWN_COMMAND, "grant_type is not password")
    merchant = merchants(fields.get("client_id", ""))  # napas-dps#token: the merchant's code is its client_id
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, "client_id is unknown")
    if not same(fields.get("client_secret", ""), merchant.secrets["client_secret"]):
        raise Refusal(Reason.UNKNOWN_MERCHANT, "client_secret is wrong")
    username = fields.get("username", "")
    user_known = merchant.options.get("username", username) == username
    if not user_known or not same(fields.get("password", ""), merchant.secrets["password"]):
        raise Refusal(Reason.BAD_SIGNATURE, "username or password is wrong")
    return Ask(merchant=merchant)


def _decode_keys(request: Request, merchants: Merchants) -> Ask:
    body, merchant, wire = _opened(request, merchants)
    if _text(body, "apiOperation") != "DATA_KEY":
        raise Refusal(Reason.UNKNOWN_COMMAND, "apiOperation is not DATA_KEY")
    if _text(body, "inputParameters", "cardScheme") not in SCHEMES:
        raise Refusal(Reason.MALFORMED, f"cardScheme is none of {', '.join(SCHEMES)}")
    wire |= {"orderId": _given("order", _text(body, "order", "id")), **_money(body, "order")}
    return Ask(merchant=merchant, wire=wire)


def _decode_form(request: Request, merchants: Merchants) -> Create:
    fields = _form_fields(request.body if request.method == "POST" else request.query)
    merchant = merchants(fields.get("merchantId", ""))
    if fields.get("apiOperation") not in FORM_OPERATIONS:
        raise Refusal(Reason.UNKNOWN_COMMAND, f"apiOperation is none of {', '.join(FORM_OPERATIONS)}")
    if fields.get("cardScheme") not in SCHEMES:
        raise Refusal(Reason.MALFORMED, f"cardScheme is none of {', '.join(SCHEMES)}")
    return_url = fields.get("returnUrl", "")
    if return_url and (len(return_url) > 255 or not is_web_address(return_url)):
        raise Refusal(Reason.MALFORMED, "returnUrl is no http or https address")
    order_id = _given("order", fields.get("orderId", ""))
    reference = _given("reference", fields.get("orderReference", ""))
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, "merchantId is unknown")
    amount, currency = fields.get("orderAmount", ""), fields.get("orderCurrency", "")
    expected = form_keys(merchant, order_id, amount, currency)
    if not same(f"{fields.get('dataKey')}|{fields.get('napasKey')}", "|".join(expected)):
        raise Refusal(Reason.BAD_SIGNATURE, "dataKey and napasKey are not those of this order and amount")
    order = Order(
        order_ref=order_id,
        order_key=order_id,
        amount_vnd=_dong(amount, currency),
        description=reference,
        return_url=return_url,
        channel=SCHEMES[fields["cardScheme"]],
        wire={"apiOperation": fields["apiOperation"]},
    )
    return Create(merchant=merchant, wire=fields, order=order)


def _decode_script(request: Request, merchants: Merchants) -> Ask:
    return Ask(merchant=ANYBODY)


def _decode_put(request: Request, merchants: Merchants) -> Create | Confirm | RefundOrder:
    body, merchant, wire = _opened(request, merchants)
    order_id = _given("order", request.places.get("order", ""))
    wire["transaction"] = _given("transaction", request.places.get("trans", ""))
    wire["apiOperation"] = operation = _text(body, "apiOperation")
    if operation == "PURCHASE_OTP":
        return _purchase(body, merchant, wire, order_id)
    if operation == CONFIRM:
        otp = _given("otp", _text(body, "otp"))
        return Confirm(merchant=merchant, wire=wire, order_key=order_id, otp=otp)
    if operation == "REFUND_DOMESTIC":
        money = _money(body, "transaction")
        return RefundOrder(
            merchant=merchant,
            wire=wire,
            order_key=order_id,
            request_ref=wire["transaction"],
            amount_vnd=_dong(money["amount"], money["currency"]),
            full=False,
        )
    raise Refusal(Reason.UNKNOWN_COMMAND, f"apiOperation {operation[:40]!r}")


def _purchase(body: Tree, merchant: Merchant, wire: dict[str, str], order_id: str) -> Create:
    card = ("sourceOfFunds", "provided", "card")
    number = _given("number", _text(body, *card, "number").replace(" ", ""))
    _given("name", _text(body, *card, "nameOnCard"))
    _given("date", _text(body, *card, "issueDate"))
    money = _money(body, "order")
    order = Order(
        order_ref=order_id,
        order_key=order_id,
        amount_vnd=_dong(money["amount"], money["currency"]),
        description=_given("reference", _text(body, "order", "reference")),
        return_url=merchant.options.get("return_url", ""),
        channel=Channel.CARD,
        client_ip=_text(body, "inputParameters", "clientIP")[:45],
        wire={"apiOperation": "PURCHASE_OTP", "transaction": wire["transaction"]},
    )
    return Create(merchant=merchant, wire=wire, order=order, pays_with=number)


def _decode_query(request: Request, merchants: Merchants) -> Query:
    merchant, wire = _admitted(request, merchants)
    return Query(merchant=merchant, wire=wire, order_key=_given("order", request.places.get("order", "")))


def _opened(request: Request, merchants: Merchants) -> tuple[Tree, Merchant, dict[str, str]]:
    try:
        body = json_object(request.body)
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error
    return body, *_admitted(request, merchants)


def _admitted(request: Request, merchants: Merchants) -> tuple[Merchant, dict[str, str]]:
    """The merchant of the address, if the token is its own; its age is judged later. Raises Refusal."""
    _given("version", request.places.get("v", ""))
    merchant = merchants(request.places.get("mid", ""))
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, "the merchant of the address is unknown")
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":  # napas-dps#token: or in the address
        token = _form_fields(request.query).get("access_token", "")
    issued = token.strip()[:14]
    if not same(token.strip(), _token(merchant, issued)):
        raise Refusal(Reason.BAD_SIGNATURE, "the access token is missing, or is not this merchant's")
    return merchant, {"issued": issued}


def _judge(command: Command, payment: Payment | None, now: datetime) -> None:
    issued = command.wire.get("issued", "")
    if issued and now - parse_compact(issued) >= TOKEN_LIFE:
        raise Refusal(Reason.BAD_SIGNATURE, f"the access token of {issued} has expired")
    if isinstance(command, RefundOrder):
        _judge_refund(command, payment)
    if isinstance(command, Create) and payment is not None and payment.state in COLLECTED:
        raise Refusal(Reason.ALREADY_PAID, "the order is paid")
    if isinstance(command, Confirm) and payment is not None:
        if payment.order.wire.get("transaction") != command.wire["transaction"]:
            raise Refusal(Reason.UNKNOWN_ORDER, "no purchase has that transaction number")
        sent_at = payment.otp_sent_at if payment.state is State.PENDING else None
        if sent_at is not None and now - sent_at >= OTP_LIFE:
            raise Refusal(Reason.EXPIRED, "the OTP was valid for 5 min", wire={"cause": "OTP_TIMED_OUT"})


def _judge_refund(command: RefundOrder, payment: Payment | None) -> None:
    """A refund has names of its own for what it does not find (napas-dps#gateway-codes)."""
    if payment is None:
        raise Refusal(Reason.UNKNOWN_ORDER, "no such order", wire={"cause": "TRANSACTION_NOT_FOUND"})
    if payment.order.wire.get("transaction") == command.request_ref:
        raise Refusal(Reason.TOO_SOON, "the refund has the number of the purchase")
    if _result(payment) == "FAILURE":
        raise Refusal(Reason.NOT_PAID, "the payment failed", wire={"cause": "ORIGINAL_TRANSACTION_FAIL"})


def _form_fields(raw: bytes) -> dict[str, str]:
    try:
        return form.fields(form.pieces(raw))
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error


def _text(body: object, *way: str) -> str:
    """The text or whole number at the end of the way, "" if there is none."""
    for name in way:
        body = body.get(name) if isinstance(body, dict) else None
    return str(body) if type(body) in (str, int) else ""


def _given(name: str, text: str) -> str:
    if FORMS[name].fullmatch(text) is None:
        cause = CARD_CAUSES.get(name, "INVALID_DATA") if text else "MISSING_DATA"
        shown = "*" * len(text[:19]) if name == "number" else repr(text[:40])
        raise Refusal(Reason.MALFORMED, f"{name}: {shown}", wire={"cause": cause})
    return text


def _money(body: Tree, part: str) -> dict[str, str]:
    """Amount and currency as they came, once they are known to be good."""
    money = {name: _text(body, part, name) for name in ("amount", "currency")}
    _dong(money["amount"], money["currency"])
    return money


def _dong(amount: str, currency: str) -> int:
    found = re.fullmatch(r"([0-9]{1,12})(?:\.00?)?", amount)
    if found is None or int(found[1]) == 0:
        raise Refusal(Reason.INVALID_AMOUNT, f"amount {amount[:40]!r}")
    if currency != "VND":
        raise Refusal(Reason.INVALID_CURRENCY, f"currency {currency[:40]!r}")
    return int(found[1])


def _encode_token(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(result, Refusal):  # rfc-6749#5.2
        errors = {
            Reason.UNKNOWN_COMMAND: (400, "unsupported_grant_type"),
            Reason.UNKNOWN_MERCHANT: (401, "invalid_client"),
            Reason.BAD_SIGNATURE: (400, "invalid_grant"),
        }
        status, error = errors.get(result.reason, (400, "invalid_request"))
        return json_response({"error": error, "error_description": result.detail or str(result.reason)}, status)
    assert command is not None, "only what was understood is replied to"
    token = _token(command.merchant, compact(result.now))
    life_s = int(TOKEN_LIFE.total_seconds())
    return json_response({"access_token": token, "token_type": "bearer", "expires_in": life_s})


def _encode_keys(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(result, Refusal):
        return _refused(result)
    assert command is not None, "only what was understood is replied to"
    wire = command.wire
    data_key, napas_key = form_keys(command.merchant, wire["orderId"], wire["amount"], wire["currency"])
    return json_response({"result": "SUCCESS", "dataKey": data_key, "napasKey": napas_key})


def _encode_form(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(result, Refusal):
        cause = _cause(result)
        return redirect(f"error?code={cause if cause in ERROR_TEXTS else 'OTHER_ERROR'}")
    return redirect(result.page_url)


def _encode_script(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    return Response(200, (("content-type", "text/javascript; charset=utf-8"),), FORM_SCRIPT)


def _encode_api(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(result, Refusal):
        return _refused(result, "REFUND_TIMEOUT" if isinstance(command, RefundOrder) else "REQUEST_TIMEOUT")
    assert command is not None, "only what was understood is replied to"
    assert result.payment is not None, "all of these are about a payment"
    payment = result.payment
    told = payment_result(payment, command.merchant)
    if isinstance(command, Query):
        return json_response(told)
    told["apiOperation"] = command.wire["apiOperation"]
    if result.refund is not None:
        told |= _refund_result(result.refund.state, command.merchant)
        told["transaction"] = {
            "id": result.refund.request_ref,
            "amount": str(result.refund.amount_vnd),
            "currency": "VND",
            "receipt": result.refund.bank_ref,
            "type": "REFUND",
        }
    elif isinstance(command, Confirm) and payment.state is State.PENDING and payment.otp_tries:
        told |= _error(WRONG_OTPS.get(payment.otp_tries, "INVALID_OTP"))
    elif payment.state is State.PENDING and payment.step is Step.OTP:
        told |= {"result": "SUCCESS", "authentication": {"htmlBodyContent": _otp_form(result.page_url)}}
    elif told["result"] == "FAILURE":
        told |= _error(_gateway_code(payment, command.merchant))
    return json_response(told)


def _otp_form(page_url: str) -> str:
    """The one-time password is asked for on the simulator's page."""
    return (
        f'<form id="napas-otp" method="get" action="{escape(page_url)}"></form>'
        '<script>document.getElementById("napas-otp").submit()</script>'
    )


def _refused(refusal: Refusal, timed_out: str = "REQUEST_TIMEOUT") -> Response:
    if refusal.reason is Reason.BAD_SIGNATURE:
        return json_response({"error": "invalid_token", "error_description": refusal.detail}, 401)
    cause = timed_out if refusal.reason is Reason.TIMED_OUT else _cause(refusal)
    return json_response(_error(cause, refusal.detail))


def _cause(refusal: Refusal) -> str:
    return refusal.wire.get("cause") or CAUSES.get(refusal.reason, "OTHER_ERROR")


def _error(cause: str, explanation: str = "") -> Tree:
    error = {"cause": cause, "explanation": explanation or cause}
    return {"result": "ERROR", "error": error, "response": _response(cause, collected=False)}


def _response(gateway_code: str, *, collected: bool) -> Tree:
    acquirer = {"acquirerCode": "00", "acquirerMessage": "Approved"} if collected else {}
    return {"gatewayCode": gateway_code, **acquirer, "message": gateway_code.replace("_", " ").capitalize()}


def payment_result(payment: Payment, merchant: Merchant, currency: str = "VND") -> Tree:
    """napas-dps#result: what the callback says under paymentResult, and the query as its whole answer."""
    order, amount, collected = payment.order, str(payment.amount_vnd), payment.state in COLLECTED
    settled_at = payment.settled_at or payment.created_at
    return {
        "apiOperation": order.wire.get("apiOperation", "PAY"),
        "merchantId": payment.merchant_code,
        "order": {
            "id": order.order_ref,
            "amount": amount,
            "currency": currency,
            "creationTime": _iso(payment.created_at),
            "reference": order.description,
            "totalAuthorizedAmount": amount if collected else "0",
            "totalCapturedAmount": amount if collected else "0",
            "totalRefundedAmount": str(payment.refunded_vnd),
        },
        "response": _response(_gateway_code(payment, merchant), collected=collected),
        "result": _result(payment),
        "sourceOfFunds": {
            "type": "CARD",
            "provided": {"card": {"number": payment.payer_account, "issuer": payment.issuer_code}},
        },
        "transaction": {
            "id": order.wire.get("transaction", payment.bank_ref),
            "amount": amount,
            "currency": currency,
            "receipt": payment.bank_ref,
            "type": "PAYMENT",
            "authorizationCode": payment.bank_ref[-6:] if collected else "",
            "acquirer": {
                "batch": compact(settled_at)[:8],
                "date": compact(settled_at)[4:8],
                "id": "NAPAS",
                "merchantId": payment.merchant_code,
            },
        },
        **({"authorizationResponse": _authorization(payment, settled_at)} if collected else {}),
        "timeOfRecord": _iso(settled_at),
        "channel": "6014",
        "version": "32",
    }


def _authorization(payment: Payment, settled_at: datetime) -> Tree:
    """What the card's bank answered, in the words of ISO 8583."""
    at = compact(settled_at)
    return {
        "stan": payment.bank_ref[-6:],
        "date": at[4:8],
        "time": at[8:],
        "processingCode": "000000",
        "responseCode": "00",
    }


def token_result(payment: Payment, merchant: Merchant) -> Tree:
    """The token that stands for the payer's card, where the connector asked for one and was paid."""
    if not payment.order.wire.get("apiOperation", "").endswith("_TOKEN") or payment.state not in COLLECTED:
        return {}
    proof = hmac_sha256_hex(merchant.secrets["client_secret"], f"card|{payment.payer_account}".encode())
    token = f"9704{int(proof, 16) % 10**15:015}"
    return {"result": "SUCCESS", "token": token, "card": {"number": payment.payer_account}}


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _refund_result(state: RefundState, merchant: Merchant) -> Tree:
    if state is RefundState.MADE:
        return {"result": "SUCCESS", "response": _response(_approved(merchant), collected=True)}
    if state is RefundState.PENDING:
        return {"result": "PENDING", "response": _response("REFUND_TIMEOUT", collected=False)}
    return {"result": "FAILURE", "response": _response(CAUSES[Reason.REFUND_REFUSED], collected=False)}


def _result(payment: Payment) -> str:
    if payment.state in COLLECTED:
        return "SUCCESS"
    return "PENDING" if payment.state in (State.PENDING, State.SUSPECTED) else "FAILURE"


def _approved(merchant: Merchant) -> str:
    return merchant.options.get("approved", GATEWAY_CODES[Outcome.SUCCESS])


def _gateway_code(payment: Payment, merchant: Merchant) -> str:
    """Approved only where the money was collected."""
    if payment.state in COLLECTED:
        return _approved(merchant)
    if payment.state is State.PENDING and payment.outcome is None:
        return "PENDING_FOR_OTP" if payment.step is Step.OTP else "PENDING"
    if payment.state in (State.PENDING, State.SUSPECTED):
        return "UNKNOWN" if payment.outcome is Outcome.UNKNOWN else "PENDING"
    outcome = payment.outcome or Outcome.SUCCESS
    if outcome is Outcome.OTHER and payment.state is State.FAILED and merchant.options.get("other") in OTHER_CODES:
        return merchant.options["other"]
    if payment.state is State.EXPIRED:
        return "EXPIRED_SESSION"
    return GATEWAY_CODES[ENDED.get(payment.state, Outcome.OTHER) if outcome is Outcome.SUCCESS else outcome]


def napas_result(told: Tree, payment: Payment, merchant: Merchant) -> str:
    """The signed result: JSON of data and checksum. `told` is what it says of the payment."""
    told = {"paymentResult": told, "tokenResult": token_result(payment, merchant)}
    data = base64.b64encode(msgspec.json.encode(told)).decode()
    return msgspec.json.encode({"data": data, "checksum": checksum(data, merchant)}).decode()


def checksum(data: str, merchant: Merchant) -> str:
    digits = secret_sha256_hex((data + merchant.secrets["client_secret"]).encode())  # napas-dps#checksum: no HMAC
    return digits.upper() if merchant.options.get("checksum") == "upper" else digits


def _worded(notice: Notice, told: Tree) -> Tree:
    if notice.odd is None:
        return told
    refuted = _response(_gateway_code(notice.second, notice.merchant), collected=notice.second.state in COLLECTED)
    elsewhere = payment_result(notice.payment, notice.merchant, "USD")
    foreign = {name: elsewhere[name] for name in ("order", "transaction")}
    optional = ("authorizationResponse", "channel", "version")
    return worded(notice, told, currency=foreign, second={"response": refuted}, optional=optional)


def _callback(notice: Notice) -> Outgoing:
    url, told = notice.merchant.callback_url, _worded(notice, payment_result(notice.payment, notice.merchant))
    text = napas_result(told, notice.payment, notice.merchant)
    if notice.merchant.options.get("callback") == "form":
        body = form.written({"napasResult": text}).encode()
        return Outgoing("POST", url, (("content-type", FORM_TYPE),), body)
    return Outgoing("POST", url, (("content-type", JSON_TYPE),), text.encode())


def _return_form(payment: Payment, merchant: Merchant) -> Fields:
    told = payment_result(payment, merchant)
    return {
        "napasResult": napas_result(told, payment, merchant)
    }  # napas-dps#result: the browser posts what the IPN says


def _acknowledged(answer: Answer, notice: Notice) -> Ack:
    if answer.status != 200:
        return Ack(False, f"HTTP {answer.status}" if answer.status else answer.error or "no answer")
    if notice.merchant.options.get("acknowledgement") == "status":
        return Ack(bool(answer.body), "HTTP 200" if answer.body else "the answer is empty")
    try:
        result = json_object(answer.body).get("result")
    except ValueError as error:
        return Ack(False, str(error)[:200])
    return Ack(result == "SUCCESS", f"result {result[:40]}" if isinstance(result, str) else "no result")


ASSUMPTIONS = (
    ("acknowledgement", 'HTTP 200 with JSON, "result": "SUCCESS"', "no source", "options.acknowledgement"),
    ("retries", "after 1, 5 and 15 min, 15 s for an answer", "no source", "retries"),
    ("callback", "POST of JSON {data, checksum}; or of a form napasResult", "both are in use", "options.callback"),
    ("checksum-case", "lower case, or upper", "clients differ", "options.checksum"),
    ("approved", "gatewayCode APPROVED", "the domestic flow's word was not seen", "options.approved"),
    ("return-url", "PURCHASE_OTP's is the merchant's, the form's is its action", "no field", "options.return_url"),
    ("token", "holds for 1 h, in the header or the address; also after a restart", "no life is public", ""),
    ("keys", "dataKey and napasKey fit one order and amount, for ever", "what they hold is not public", ""),
    ("form-address", "/api/rest/hostedform, GET or POST, with the script's attributes and returnUrl", "ours", ""),
    ("form-error", "a page of our own shows the code", "no source", ""),
    ("otp-form", "authentication.htmlBodyContent leads to the simulator's page", "its place is not public", ""),
    ("confirm", "CONFIRM_OTP with otp, on the purchase's own address", "no source tells how an OTP is passed", ""),
    ("wrong-otp", "INVALID_OTP_1TIME, INVALID_OTP, at last INVALID_OTP3", "the names alone are public", ""),
    ("card-holder", "name and issue date are demanded, not compared", "only the number picks a test card", ""),
    ("results", "SUCCESS, PENDING, FAILURE; ERROR in the answer to a PUT", "PENDING, FAILURE are MPGS's words", ""),
    ("gateway-codes", "held or in doubt PENDING or UNKNOWN, reversed and maintenance BANK_ERROR", "bare list", ""),
    ("refusals", "HTTP 200 with result ERROR and the code as cause; 401 for a token", "no source", ""),
    (
        "other-codes",
        "a failure without a word of ours is OTHER_ERROR, or the name on wish",
        "bare list",
        "options.other",
    ),
    ("expired", "EXPIRED_SESSION for a page left open, OTP_TIMED_OUT after 5 min", "the names alone are public", ""),
    ("missing", "MISSING_DATA for an empty field, INVALID_DATA for another", "the names alone are public", ""),
    ("refund-codes", "no order TRANSACTION_NOT_FOUND, a failed one ORIGINAL_TRANSACTION_FAIL", "bare list", ""),
    ("token-result", "result, token and card's masked number; one card, one token", "only its name is public", ""),
    ("pays-with-token", "is not offered", "no field for a token is public", ""),
    ("authorization", "000000 and 00 with what was collected, absent otherwise", "only the fields are public", ""),
    ("query", "answers with the fields of paymentResult", "no sample", ""),
    (
        "refund-state",
        "PENDING with REFUND_TIMEOUT, FAILURE with BANK_ERROR; the query tells only what was given back",
        "names known, use ours",
        "",
    ),
    ("refund", "done at once, whole or in parts, numbered by its transaction", "only the call is public", ""),
    ("reload", "the same unpaid order again shows the page again", "a reload is no second payment", ""),
)

ORDER = "/api/rest/version/{v}/merchant/{mid}/order/{order}"
ENDPOINTS = (
    ("ask", "POST", "/api/oauth/token", _decode_token, _encode_token),
    ("ask", "POST", "/api/rest/version/{v}/merchant/{mid}/datakey", _decode_keys, _encode_keys),
    ("ask", "GET", "/api/restjs/resources/js/napas.hostedform.min.js", _decode_script, _encode_script),
    ("create", "POST", "/api/rest/hostedform", _decode_form, _encode_form),
    ("create", "GET", "/api/rest/hostedform", _decode_form, _encode_form),
    ("create", "PUT", ORDER + "/transaction/{trans}", _decode_put, _encode_api),
    ("query", "GET", ORDER + "/domestic", _decode_query, _encode_api),
)

DIALECT = Dialect(
    code="napas",
    name="NAPAS DPS",
    shape=Shape.REDIRECT,
    channels=(Channel.CARD, Channel.QR),
    endpoints=tuple(
        Endpoint(operation=operation, method=method, path=path, decode=decode, encode=encode)
        for operation, method, path, decode, encode in ENDPOINTS
    ),
    callback=_callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.CURRENCY, Part.SECOND_STATUS, Part.OPTIONAL, Part.UNKNOWN}),
    acknowledged=_acknowledged,
    retry=Retry(delays_s=(60, 300, 900)),
    tells_refunds=frozenset(RefundState),
    announces=frozenset(State) - {State.PENDING, State.PARTLY_REFUNDED, State.REFUNDED},
    return_url=lambda payment, merchant: payment.order.return_url,
    return_form=_return_form,
    secrets=("client_secret", "password"),
    error_page=ErrorPage(path="/api/rest/error", parameter="code", texts=ERROR_TEXTS),
    judge=_judge,
    settlement=(napas_files.FILE,),
    sources=("napas-dps", "napas-mpgs", "rfc-6749"),
    assumptions=assumed("napas", ASSUMPTIONS),
)
