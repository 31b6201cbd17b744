"""payOS from the merchant's side: payment links that are paid by transfer, their webhook, and what is asked of them.

Rule: what is signed is `data` alone, its raw values side by side, so nothing outside it is believed, and no value
that looks like one more field. Any 2xx ends the repeats: what is not booked is answered with another status.
"""

import hashlib
import hmac
import json
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, BankWord, Effect, Outcome, Rejected
from conformance.targets.portal.protocols.fields import Fields, json_object, require, text, whole_amount
from conformance.targets.portal.protocols.seals import hmac_sha256, is_right

BANK = "payos"
METHODS = ("redirect", "qr")
LINKS_PATH = "/payos/v2/payment-requests"

SUCCESS = "00"
# payos-guides#errors: no more than 2**53 - 1, which JavaScript can hold. No card's number begins with 1, so that no
# log takes an order for a card and hides it.
_ORDER_CODE_MIN, _ORDER_CODE_MAX = 10**15, 2 * 10**15 - 1
# payos-clients#webhook: when an address is registered, it is tried out with this order, and 2xx is wanted.
_TRIAL_ORDER = "123"
# Our own bound: real codes have less than 300 characters.
_QR_MAX = 512

_CREATED = ("amount", "cancelUrl", "description", "orderCode", "returnUrl")
_REQUIRED = ("orderCode", "amount", "accountNumber", "reference", "code")
_PAYERS_ACCOUNT = ("counterAccountBankId", "counterAccountBankName", "counterAccountName", "counterAccountNumber")
_OPTIONAL = (*_PAYERS_ACCOUNT, "virtualAccountName", "virtualAccountNumber")
_DOCUMENTED = frozenset(
    {*_REQUIRED, *_OPTIONAL, "description", "transactionDateTime", "currency", "paymentLinkId", "desc"}
)
_NAME = re.compile(r"[A-Za-z0-9_]+", re.ASCII)
_LIKE_A_FIELD = re.compile(r"&[A-Za-z0-9_]+=", re.ASCII)

# payos-clients#status: to these money may still come, and of the others only by transfer after the end.
_PAID = frozenset({"PAID", "UNDERPAID"})
_ENDED = frozenset({"CANCELLED", "EXPIRED", "FAILED"})

_STATUSES = {
    Effect.UNKNOWN_ORDER: (404, "There is no such order"),
    Effect.FOREIGN: (404, "Another account or currency"),
    Effect.WRONG_AMOUNT: (400, "No amount"),
    Effect.BAD_SIGNATURE: (401, "Wrong signature"),
    Effect.MALFORMED: (400, "A field is missing"),
    Effect.BROKEN: (500, "Please send it again"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PayosContract:
    """`account` is where transfers arrive."""

    client_id: str = "11111111-2222-4333-8444-555555555555"
    api_key: str = "66666666-7777-4888-8999-aaaaaaaaaaaa"
    checksum_key: str = "1a54716c8f0efb2744fb28b6e38b25da7f67a925d98bc1c18bd8faaecadd7675"
    account: str = "0123499999"

    @property
    def headers(self) -> dict[str, str]:
        return {"x-client-id": self.client_id, "x-api-key": self.api_key}


def new_order(now: datetime) -> str:
    """An orderCode, 1 and 15 digits that are drawn: a number is all that an order may be called by here."""
    return str(_ORDER_CODE_MIN + secrets.randbelow(_ORDER_CODE_MAX - _ORDER_CODE_MIN + 1))


def create_request(contract: PayosContract, attempt: Attempt, description: str, return_url: str) -> dict[str, object]:
    """`description` is what the transfer says, at most 25 plain letters and digits."""
    fields: dict[str, object] = {
        "orderCode": int(attempt.order_ref),
        "amount": attempt.amount_vnd,
        "description": description,
        "cancelUrl": return_url,
        "returnUrl": return_url,
    }
    signature = hmac_sha256(contract.checksum_key, _joined({name: fields[name] for name in _CREATED}))
    # payos-clients#create: seconds since 1970, and not signed.
    return fields | {"expiredAt": int(attempt.expires_at.timestamp()), "signature": signature}


def read_created(contract: PayosContract, attempt: Attempt, answer: Fields) -> tuple[str, str]:
    """(where the payer goes on, the text of the code to be scanned). Raises Rejected."""
    data = _data_of(contract, answer, frozenset())
    _check_link(attempt, data)
    payload = text(data, "qrCode")
    if not 0 < len(payload) <= _QR_MAX:
        raise Rejected(Effect.MALFORMED, "qrCode is no code")
    return _web_address(text(data, "checkoutUrl")), payload


def read_webhook(contract: PayosContract, body: bytes, flaws: frozenset[Flaw]) -> BankWord:
    """What came in. Raises Rejected, with Effect.NOTED for what only tries the address out."""
    message = json_object(body)
    data = _object(message.get("data"))
    _check_signature(contract, message, data, flaws)
    require(data, _REQUIRED)
    order_ref = text(data, "orderCode")
    if Flaw.OPTIONAL_FIELD_REQUIRED in flaws and not data.keys() >= set(_OPTIONAL):
        raise Rejected(Effect.MALFORMED, "the payer's account is missing", order_ref)
    if order_ref == _TRIAL_ORDER and Flaw.TRIAL_REFUSED not in flaws:
        raise Rejected(Effect.NOTED, "the address is tried out")
    if text(data, "accountNumber") != contract.account and Flaw.MERCHANT_NOT_COMPARED not in flaws:
        raise Rejected(Effect.FOREIGN, "accountNumber is another's", order_ref)
    if text(data, "currency") not in ("", "VND") and Flaw.CURRENCY_NOT_COMPARED not in flaws:
        raise Rejected(Effect.FOREIGN, "another currency", order_ref)
    return BankWord(
        bank=BANK,
        order_ref=order_ref,
        # payos-clients#transactions: a link may be paid by several transfers, each with a reference of its own.
        money_ref=order_ref if Flaw.TRANSFER_KNOWN_BY_ORDER in flaws else text(data, "reference"),
        amount_vnd=whole_amount(text(data, "amount"), flaws),
        # code and success beside data are not signed.
        outcome=_outcome(text(message if Flaw.OUTER_CODE_DECIDES in flaws else data, "code"), flaws),
        bank_ref=text(data, "reference"),
        code=text(data, "code"),
        arrived=True,
    )


def acknowledge(effect: Effect, hint: str) -> tuple[int, dict[str, object]]:
    """(HTTP status, body). Of the body nothing is documented."""
    if effect not in _STATUSES:
        return 200, {"success": True}
    status, why = _STATUSES[effect]
    return status, {"success": False, "message": f"{why} {hint}".strip()}


def read_link(contract: PayosContract, attempt: Attempt, answer: Fields, flaws: frozenset[Flaw]) -> BankWord:
    """What became of the link. Raises Rejected for an answer that is not to be believed or tells nothing."""
    unchecked = Flaw.QUERY_ANSWER_UNCHECKED in flaws
    data = _data_of(contract, answer, flaws & {Flaw.QUERY_ANSWER_UNCHECKED, Flaw.UNSIGNED_ANSWER_BELIEVED})
    if not unchecked:
        _check_link(attempt, data)
    status = text(data, "status")
    money = _object(_last(data.get("transactions")))
    if status in _PAID and not unchecked:
        require(money, ("reference", "amount"))
    told_vnd = whole_amount(text(money, "amount"), frozenset()) if money and not unchecked else attempt.amount_vnd
    return BankWord(
        bank=BANK,
        order_ref=attempt.order_ref,
        money_ref=text(money, "reference") or attempt.order_ref,
        amount_vnd=told_vnd,
        outcome=_asked_outcome(status, flaws),
        bank_ref=text(money, "reference"),
        code=status,
        arrived=True,
    )


def cancel_request(reason: str) -> dict[str, str]:
    return {"cancellationReason": reason}


def returned_order(parameters: Fields) -> tuple[str, bool]:
    """(the order that the browser comes back from, whether it says that it is paid); nobody signs that."""
    paid = parameters.get("status") == "PAID" and parameters.get("cancel") != "true"
    return text(parameters, "orderCode"), paid


def _outcome(code: str, flaws: frozenset[Flaw]) -> Outcome:
    # payos-webhook-signature: 00 is a transfer that came; no other code is documented, and the link is asked about.
    if code == SUCCESS or Flaw.RESULT_IGNORED in flaws or Flaw.UNKNOWN_CODE_IS_SUCCESS in flaws:
        return Outcome.PAID
    return Outcome.FAILED if Flaw.UNKNOWN_CODE_IS_FAILURE in flaws else Outcome.UNKNOWN


def _asked_outcome(status: str, flaws: frozenset[Flaw]) -> Outcome:
    if status in _PAID or Flaw.QUERY_WORKED_IS_PAID in flaws:
        return Outcome.PAID
    return Outcome.FAILED if status in _ENDED or Flaw.QUERY_PENDING_IS_FAILURE in flaws else Outcome.UNKNOWN


def _data_of(contract: PayosContract, answer: Fields, flaws: frozenset[Flaw]) -> Fields:
    """What is in an answer that went well. Raises Rejected."""
    if text(answer, "code") != SUCCESS:
        raise Rejected(Effect.NOTED, f"code {text(answer, 'code')}: {text(answer, 'desc')[:200]}")
    data = _object(answer.get("data"))
    unsigned = Flaw.UNSIGNED_ANSWER_BELIEVED in flaws and not answer.get("signature")
    if Flaw.QUERY_ANSWER_UNCHECKED not in flaws and not unsigned:
        _check_signature(contract, answer, data, frozenset())
    return data


def _check_link(attempt: Attempt, data: Fields) -> None:
    if text(data, "orderCode") != attempt.order_ref:
        raise Rejected(Effect.FOREIGN, "the answer is about another order")
    if text(data, "amount") != str(attempt.amount_vnd):
        raise Rejected(Effect.WRONG_AMOUNT, "the link is of another amount")


def _check_signature(contract: PayosContract, message: Fields, data: Fields, flaws: frozenset[Flaw]) -> None:
    claimed, given = text(data, "orderCode"), text(message, "signature")
    if Flaw.UNKNOWN_EXTRA_DROPPED in flaws:
        data = {name: value for name, value in data.items() if name in _DOCUMENTED}
    signed = _joined(data)
    expected = hmac_sha256(contract.checksum_key, signed)
    outdated = Flaw.OTHER_ALGORITHM_ACCEPTED in flaws and given == _outdated_mac(contract.checksum_key, signed)
    ambiguous = _is_ambiguous(data) and Flaw.FIELDS_RUN_TOGETHER not in flaws
    if ambiguous or not (outdated or is_right(given, expected, flaws)):
        hint = expected if Flaw.SIGNATURE_ORACLE in flaws else ""
        raise Rejected(Effect.BAD_SIGNATURE, "the signature is wrong", claimed, hint)


def _is_ambiguous(data: Fields) -> bool:
    """Whether the signed text could be that of other fields as well."""
    odd = not all(_NAME.fullmatch(name) for name in data)
    return odd or any(_LIKE_A_FIELD.search(_signed_value(value)) for value in data.values())


def _joined(data: Fields) -> str:
    """Raises Rejected for what has no text."""
    signed = "&".join(f"{name}={_signed_value(data[name])}" for name in sorted(data))
    try:
        signed.encode()
    except UnicodeEncodeError as error:
        raise Rejected(Effect.MALFORMED, "data has half a character") from error
    return signed


def _signed_value(value: object) -> str:
    # payos-webhook-signature: null, and the words for it, count as nothing; a list is JSON with its names sorted.
    if value is None or value in ("null", "undefined"):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return str(value)


def _outdated_mac(secret: str, signed: str) -> str:
    """What the defect takes that still accepts a weaker algorithm."""
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha1).hexdigest()


def _object(value: object) -> Fields:
    return value if isinstance(value, dict) else {}


def _last(value: object) -> object:
    """Of a link's transfers the latest one; each was told by a webhook of its own."""
    return value[-1] if isinstance(value, list) and value else None


def _web_address(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise Rejected(Effect.MALFORMED, "checkoutUrl is no web address") from error
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise Rejected(Effect.MALFORMED, "checkoutUrl is no web address")
    return address
