"""Vietcombank's e-commerce payment for Quảng Ninh from the portal's side: pay address, callback, query and refund.

Rule: a message is signed whole, its kind first and its values joined by "|"; a value with a "|" of its own is
believed in no message, for it might be the border between two others.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, BankWord, Effect, NoSuchOrder, Outcome, Rejected
from conformance.targets.portal.moments import compact, order_time
from conformance.targets.portal.protocols.fields import Fields, json_object, require, text, whole_amount
from conformance.targets.portal.protocols.seals import hmac_sha256, is_right

BANK = "vietcombank_qn"
PAY_PATH = "/vietcombank_qn/ecommerce/pay"
QUERY_PATH = "/vietcombank_qn/ecommerce/query"
REFUND_PATH = "/vietcombank_qn/ecommerce/refund"

# vcb-qn-design#channels: without one the payer chooses on the bank's page.
METHODS = {"redirect": "", "internet_banking": "IB", "qr": "QR", "card": "CARD", "pos": "POS"}

# vcb-qn-design#signatures: in this order, an absent value as an empty one.
_ASKED = ("channelId", "channelRefNumber", "requestDateTime")
_ANSWERED = ("channelId", "channelRefNumber", "responseMsgId", "status", "errorCode")
_TOLD = (
    *("providerId", "orderId", "transactionNo", "amount", "currency", "channel", "bankCode"),
    *("transactionTime", "status", "resultCode", "description"),
)
_QUERIED = (*_TOLD, "refundedAmount")
_REFUNDED = ("providerId", "orderId", "refundId", "refundNo", "amount", "refundedAmount")
_REQUIRED = ("providerId", "orderId", "amount", "currency", "status", "resultCode")
_OPTIONAL = ("channel", "bankCode")

SUCCESS = "0"
_DONE = "SUCCESS"
_ENDED = frozenset({"FAILURE", "CANCELLED", "EXPIRED"})
_HELD = frozenset({"SUSPECTED", "REVERSED"})
# vcb-app-codes, vcb-qn-design#error-codes: why a payment was not made.
_FAILURES = frozenset({"100", "101", "104", "105", "106", "114", "123", "128"})
# vcb-bill-university#codes
_NOT_FOUND = "17"
# vcb-app-codes: too slow, a number used before, maintenance, an error: perhaps it was done all the same.
_REFUND_UNCERTAIN = frozenset({"100", "121", "123", "400"})

# vcb-qn-design#acknowledgement: 0 and 1 end the repeats.
_ACKNOWLEDGEMENTS = {
    Effect.SETTLED: ("0", "Success"),
    Effect.REFUND_DUE: ("0", "Success"),
    Effect.FAILED: ("0", "Success"),
    Effect.NOTED: ("0", "Success"),
    Effect.REPEATED: ("1", "Already recorded"),
    Effect.UNKNOWN_ORDER: ("17", "Order not found"),
    Effect.FOREIGN: ("21", "Not our provider or currency"),
    Effect.WRONG_AMOUNT: ("3", "Invalid amount"),
    Effect.BAD_SIGNATURE: ("18", "Invalid signature"),
    Effect.MALFORMED: ("10", "Parameter missing or malformed"),
    Effect.BROKEN: ("400", "System error"),
}
_UNPROVED = frozenset({Effect.BAD_SIGNATURE, Effect.MALFORMED, Effect.BROKEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class VietcombankQnContract:
    """`provider_id` is the portal's number at the bank, `channel_id` what it calls itself in its messages."""

    provider_id: str = "VCBQN"
    secret: str = "demo-secret"
    channel_id: str = "DVCQN"


@dataclass(frozen=True, slots=True)
class Message:
    """A message taken apart."""

    context: Fields
    payload: Fields
    signature: str


def parse(fields: Fields) -> Message:
    """Raises Rejected."""
    context, payload = fields.get("context"), fields.get("payload")
    if not isinstance(context, dict) or not isinstance(payload, dict):
        raise Rejected(Effect.MALFORMED, "context or payload is missing")
    return Message(context, payload, text(fields, "signature"))


def pay_url(
    contract: VietcombankQnContract,
    attempt: Attempt,
    *,
    bank_url: str,
    return_url: str,
    description: str,
    locale: str,
    flaws: frozenset[Flaw],
) -> str:
    """Where the payer's browser goes. `description` has no "|"."""
    fields = {
        "providerId": contract.provider_id,
        "orderId": attempt.order_ref,
        "amount": str(attempt.amount_vnd),
        "currency": "VND",
        "description": description[:200],
        "requestDateTime": _written(order_time(attempt.ordered_at, flaws)),
        # Right even with the defect: an order that has expired is taken by nobody, and would show nothing more.
        "expireDateTime": _written(compact(attempt.expires_at)),
        "channel": METHODS[attempt.method],
        "language": "en" if locale == "en" else "vi",
        "clientIp": attempt.client_ip,
        "returnUrl": return_url,
    }
    signature = hmac_sha256(contract.secret, _joined("PAY", fields.values()))
    return f"{bank_url}{PAY_PATH}?{urlencode(fields | {'signature': signature})}"


def read_callback(contract: VietcombankQnContract, body: bytes, flaws: frozenset[Flaw]) -> Message:
    """A callback that the bank has signed; `word` tells what it says. Raises Rejected."""
    message = parse(json_object(body))
    signed = (*_values(message.context, _ASKED), *_values(message.payload, _TOLD))
    _check_signature(contract, "PAYMENT", message, signed, flaws)
    return message


def word(contract: VietcombankQnContract, payload: Fields, flaws: frozenset[Flaw]) -> BankWord:
    """What a genuine message says. Raises Rejected."""
    require(payload, _REQUIRED)
    if Flaw.OPTIONAL_FIELD_REQUIRED in flaws:
        require(payload, _OPTIONAL)
    order_ref, status, result = (text(payload, name) for name in ("orderId", "status", "resultCode"))
    if text(payload, "providerId") != contract.provider_id and Flaw.MERCHANT_NOT_COMPARED not in flaws:
        raise Rejected(Effect.FOREIGN, "providerId is another's", order_ref)
    if text(payload, "currency") != "VND" and Flaw.CURRENCY_NOT_COMPARED not in flaws:
        raise Rejected(Effect.FOREIGN, "another currency", order_ref)
    if Flaw.REFERENCE_READ_AS_NUMBER in flaws:
        int(order_ref, 36)
    return BankWord(
        bank=BANK,
        order_ref=order_ref,
        money_ref=order_ref,
        amount_vnd=whole_amount(text(payload, "amount"), flaws),
        outcome=_outcome(status, result, flaws),
        bank_ref=text(payload, "transactionNo"),
        code=f"{result}/{status}",
    )


def read_return(contract: VietcombankQnContract, query: bytes, flaws: frozenset[Flaw]) -> BankWord:
    """What a browser brings back. Raises Rejected."""
    pairs = parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True)
    known = [pair for pair in pairs if pair[0] in (*_TOLD, "signature")]
    fields = dict(known)
    if len(fields) != len(known):
        raise Rejected(Effect.BAD_SIGNATURE, "a parameter comes twice")
    message = Message({}, fields, fields.get("signature", ""))
    _check_signature(contract, "RETURN", message, _values(fields, _TOLD), flaws)
    return word(contract, fields, flaws)


def acknowledge(
    contract: VietcombankQnContract, asked: Fields, effect: Effect, number: str, hint: str
) -> dict[str, object]:
    """`asked` is the context of what is answered, `number` the answer's own. Who proved nothing gets no signature."""
    code, message = _ACKNOWLEDGEMENTS[effect]
    believed = effect not in _UNPROVED
    context = {
        "channelId": text(asked, "channelId") if believed else "",
        "channelRefNumber": text(asked, "channelRefNumber") if believed else "",
        "responseMsgId": number[:18],
        "status": _DONE if code == SUCCESS else "FAILURE",
        "errorCode": code,
    }
    signed = hmac_sha256(contract.secret, _joined("PAYMENT_ANSWER", context.values())) if believed else ""
    told = {"errorMessage": f"{message} {hint}".strip()}
    return {"context": context | told, "payload": {}, "signature": signed}


def query_number(attempt: Attempt, fresh: str, flaws: frozenset[Flaw]) -> str:
    """`fresh`, but with the defect that takes the order's."""
    # vcb-qn-design#channel-ref: the bank answers a number once.
    return attempt.order_ref if Flaw.QUERY_NUMBER_REUSED in flaws else fresh


def query_request(contract: VietcombankQnContract, attempt: Attempt, number: str, now: datetime) -> dict[str, object]:
    return _sealed(contract, "QUERY", number, now, {"providerId": contract.provider_id, "orderId": attempt.order_ref})


def read_query(
    contract: VietcombankQnContract, attempt: Attempt, number: str, answer: Fields, flaws: frozenset[Flaw]
) -> BankWord:
    """Raises Rejected for an answer that is not to be believed, NoSuchOrder when the bank knows no such order."""
    message, unchecked = parse(answer), Flaw.QUERY_ANSWER_UNCHECKED in flaws
    if not unchecked:
        _check_answer(contract, "QUERY", message, _QUERIED, number)
    code, payload = text(message.context, "errorCode"), message.payload
    if code == _NOT_FOUND:
        raise NoSuchOrder
    if code != SUCCESS:
        raise Rejected(Effect.NOTED, f"the query did not work: errorCode {code}")
    if not unchecked:
        _check_order(contract, attempt, payload)
    return BankWord(
        bank=BANK,
        order_ref=attempt.order_ref,
        money_ref=attempt.order_ref,
        amount_vnd=attempt.amount_vnd if unchecked else whole_amount(text(payload, "amount"), frozenset()),
        outcome=_asked_outcome(payload, flaws),
        bank_ref=text(payload, "transactionNo"),
        code=f"{text(payload, 'resultCode')}/{text(payload, 'status')}",
    )


def refund_request(
    contract: VietcombankQnContract, attempt: Attempt, refund_ref: str, amount_vnd: int, number: str, now: datetime
) -> dict[str, object]:
    payload = {
        "providerId": contract.provider_id,
        "orderId": attempt.order_ref,
        "refundId": refund_ref,
        "amount": str(amount_vnd),
        "description": f"Hoàn lệ phí {attempt.order_ref}",
    }
    return _sealed(contract, "REFUND", number, now, payload)


def read_refund(
    contract: VietcombankQnContract, attempt: Attempt, refund_ref: str, amount_vnd: int, number: str, answer: Fields
) -> bool | None:
    """Whether the bank gives the money back; None when that is not certain. Raises Rejected if not believed."""
    message = parse(answer)
    _check_answer(contract, "REFUND", message, _REFUNDED, number)
    code = text(message.context, "errorCode")
    if code in _REFUND_UNCERTAIN:
        return None
    if code != SUCCESS:
        return False
    found = [text(message.payload, name) for name in ("providerId", "orderId", "refundId", "amount")]
    if found != [contract.provider_id, attempt.order_ref, refund_ref, str(amount_vnd)]:
        raise Rejected(Effect.FOREIGN, "the answer is about another refund")
    return True


def _outcome(status: str, result: str, flaws: frozenset[Flaw]) -> Outcome:
    if Flaw.RESPONSE_CODE_ONLY in flaws:
        status = _DONE if result == SUCCESS else "FAILURE"
    if Flaw.RESULT_IGNORED in flaws or (Flaw.SUSPECTED_IS_PAID in flaws and status in _HELD):
        return Outcome.PAID
    if Flaw.EITHER_CODE in flaws and (result == SUCCESS or status == _DONE):
        return Outcome.PAID
    if Flaw.UNKNOWN_CODE_IS_SUCCESS in flaws and result not in _FAILURES:
        return Outcome.PAID
    if status == _DONE and result == SUCCESS:
        return Outcome.PAID
    if status in _ENDED and result in _FAILURES:
        return Outcome.FAILED
    return Outcome.FAILED if Flaw.UNKNOWN_CODE_IS_FAILURE in flaws else Outcome.UNKNOWN


def _asked_outcome(payload: Fields, flaws: frozenset[Flaw]) -> Outcome:
    if Flaw.QUERY_WORKED_IS_PAID in flaws:
        return Outcome.PAID
    found = _outcome(text(payload, "status"), text(payload, "resultCode"), frozenset())
    if found is Outcome.UNKNOWN and Flaw.QUERY_PENDING_IS_FAILURE in flaws:
        return Outcome.FAILED
    # vcb-qn-design#status: it stays SUCCESS when money went back, and a fee that went back settles nothing.
    if found is Outcome.PAID and text(payload, "refundedAmount") not in ("", "0"):
        return Outcome.UNKNOWN
    return found


def _sealed(
    contract: VietcombankQnContract, kind: str, number: str, now: datetime, payload: dict[str, str]
) -> dict[str, object]:
    context = {
        "channelId": contract.channel_id,
        "channelRefNumber": number,
        "requestDateTime": _written(compact(now)),
    }
    signature = hmac_sha256(contract.secret, _joined(kind, (*context.values(), *payload.values())))
    return {"context": context, "payload": payload, "signature": signature}


def _check_answer(
    contract: VietcombankQnContract, kind: str, message: Message, names: tuple[str, ...], number: str
) -> None:
    """Raises Rejected unless it is the bank's answer to the question of that number."""
    told = _values(message.payload, names) if message.payload else ()
    _check_signature(contract, f"{kind}_ANSWER", message, (*_values(message.context, _ANSWERED), *told), frozenset())
    if text(message.context, "channelRefNumber") != number:
        raise Rejected(Effect.FOREIGN, "the answer is to another question")


def _check_order(contract: VietcombankQnContract, attempt: Attempt, payload: Fields) -> None:
    found = [text(payload, name) for name in ("providerId", "orderId", "currency")]
    if found != [contract.provider_id, attempt.order_ref, "VND"]:
        raise Rejected(Effect.FOREIGN, "the answer is about another order")


def _check_signature(
    contract: VietcombankQnContract, kind: str, message: Message, values: tuple[str, ...], flaws: frozenset[Flaw]
) -> None:
    signed, given = _joined(kind, values), message.signature
    right = not any("|" in value for value in values) and is_right(given, hmac_sha256(contract.secret, signed), flaws)
    if Flaw.FIELDS_RUN_TOGETHER in flaws:
        right |= is_right(given, hmac_sha256(contract.secret, _joined(kind, filter(None, values))), flaws)
    if Flaw.OTHER_ALGORITHM_ACCEPTED in flaws:
        right |= is_right(given, _outdated_mac(contract.secret, signed), flaws)
    if not right:
        hint = hmac_sha256(contract.secret, signed) if Flaw.SIGNATURE_ORACLE in flaws else ""
        raise Rejected(Effect.BAD_SIGNATURE, "the signature is wrong", text(message.payload, "orderId"), hint)


def _outdated_mac(secret: str, signed: str) -> str:
    """What the defect takes that still accepts a weaker algorithm."""
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha1).hexdigest()


def _values(fields: Mapping[str, object], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(text(fields, name) for name in names)


def _joined(kind: str, values: Iterable[str]) -> str:
    return "|".join((kind, *values))


def _written(moment: str) -> str:
    """dd-MM-yyyy HH:mm:ss of a yyyyMMddHHmmss."""
    # vcb-qn-design#times
    day = f"{moment[6:8]}-{moment[4:6]}-{moment[:4]}"
    return f"{day} {moment[8:10]}:{moment[10:12]}:{moment[12:]}"
