"""SePay's webhook from the receiver's side: money that came to an account, and the order that its text speaks of.

Rule: whoever pays writes the text, and his bank adds to it; an order is what stands in it as a whole word of the
portal's own form. Money that goes out is no income.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import BankWord, Effect, Outcome, Rejected
from conformance.targets.portal.protocols.fields import Fields, json_object, require, text, whole_amount
from conformance.targets.portal.protocols.seals import hmac_sha256, is_right, outdated_mac
from conformance.targets.portal.references import order_ref

BANK = "sepay"
METHODS = ("qr",)
PREFIX = "HS"

# 18 letters and digits of the portal's own numbers behind the prefix.
_ORDER = re.compile(rf"(?<![A-Z0-9]){PREFIX}[0-9]{{6}}[A-Z0-9]{{12}}(?![A-Z0-9])", re.IGNORECASE)
_INCOME, _OUTGO = "in", "out"
# sepay-refunds: what will not become possible by asking again.
_REFUND_REFUSED = frozenset(
    {"not_found", "unsupported_bank", "not_available", "already_refunded", "not_refundable", "refund_amount"}
) | {"refund_failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SepayContract:
    """`max_drift_s` is how old a message may be, "0" = any age: for tests that move the bank's clock."""

    webhook_secret: str = "whsec_test_abc"
    bank_bin: str = "970436"
    account: str = "0123499990"
    api_token: str = "SP-TEST.sepay-test-api-token"
    max_drift_s: str = "300"


def new_order(now: datetime) -> str:
    """What the payer's transfer says: the prefix and an order's number, 20 letters and digits."""
    return f"{PREFIX}{order_ref(now)}"


def read_webhook(
    contract: SepayContract, headers: Mapping[str, str], body: bytes, now: datetime, flaws: frozenset[Flaw]
) -> BankWord:
    """What came in. Raises Rejected."""
    fields = _unproven(body)
    content = _order_in(fields, flaws)
    _check_signature(contract, headers, body, content, flaws)
    _check_age(contract, headers, now, content)
    require(fields, ("id", "accountNumber", "transferType", "transferAmount"))
    if Flaw.OPTIONAL_FIELD_REQUIRED in flaws:
        require(fields, ("description",))
    if text(fields, "accountNumber") != contract.account and Flaw.MERCHANT_NOT_COMPARED not in flaws:
        raise Rejected(Effect.FOREIGN, "accountNumber is another's", content)
    if not content and Flaw.TRANSFER_MATCHED_BY_AMOUNT not in flaws:
        raise Rejected(Effect.UNKNOWN_ORDER, "no order stands in the text of the transfer")
    return BankWord(
        bank=BANK,
        order_ref=content,
        # sepay-webhooks#duplicates: the same id is the same money.
        money_ref=content if Flaw.TRANSFER_KNOWN_BY_ORDER in flaws else text(fields, "id"),
        amount_vnd=whole_amount(text(fields, "transferAmount"), flaws),
        outcome=_outcome(text(fields, "transferType"), flaws),
        bank_ref=text(fields, "referenceCode"),
        code=text(fields, "transferType"),
        arrived=True,
    )


def refund_request(
    contract: SepayContract, transaction: str, key: str, amount_vnd: int
) -> tuple[str, dict[str, object], dict[str, str]]:
    """(path, message, headers). The key makes it happen once, however often it is sent (sepay-refunds)."""
    headers = {"authorization": f"Bearer {contract.api_token}", "x-idempotency-key": key}
    return f"/sepay/v2/transactions/{transaction}/refund", {"refund_amount": amount_vnd}, headers


def read_refund(transaction: str, amount_vnd: int, answer: Fields) -> bool | None:
    """Whether the money went back; None when that is not certain yet. Raises Rejected if it is another's answer."""
    code, told = text(answer, "code"), answer.get("data")
    if code or not isinstance(told, dict):
        return False if code in _REFUND_REFUSED else None
    if text(told, "transaction_id") != transaction or text(told, "refund_amount") != str(amount_vnd):
        raise Rejected(Effect.FOREIGN, "the answer is about another refund")
    return True if text(told, "status") == "Success" else None


def acknowledge(effect: Effect, hint: str) -> tuple[int, dict[str, object]]:
    """(HTTP status, body). Money that no order wants has come all the same: it is received, and looked into."""
    if effect is Effect.BAD_SIGNATURE:
        return 401, _answer(False, f"wrong signature {hint}")
    if effect is Effect.MALFORMED:
        return 400, _answer(False, "no such message")
    if effect is Effect.BROKEN:
        return 500, _answer(False, "please send it again")
    if effect in (Effect.UNKNOWN_ORDER, Effect.FOREIGN):
        return 404, _answer(False, "no such order")
    return 200, {"success": True}


def _answer(success: bool, message: str) -> dict[str, object]:
    return {"success": success, "message": message.strip()}


def _unproven(body: bytes) -> Fields:
    """The body's fields, to be believed only when its signature is right."""
    return json_object(body)


def _order_in(fields: Fields, flaws: frozenset[Flaw]) -> str:
    """By the code that SePay found, else by the first order in the text; "" if there is none."""
    if Flaw.TRANSFER_TEXT_EXACT in flaws:
        return text(fields, "content").upper() if _ORDER.fullmatch(text(fields, "content")) else ""
    if Flaw.TRANSFER_TEXT_IN_CAPITALS in flaws:
        in_capitals = re.search(_ORDER.pattern, text(fields, "content"))
        return in_capitals[0] if in_capitals else ""
    for name in ("code", "content"):
        found = _ORDER.search(text(fields, name))
        if found:
            return found[0].upper()
    return ""


def _check_signature(
    contract: SepayContract, headers: Mapping[str, str], body: bytes, content: str, flaws: frozenset[Flaw]
) -> None:
    # sepay-webhooks#hmac: over the time, a dot and the bytes as they came.
    signed = f"{headers.get('x-sepay-timestamp', '')}.{body.decode('utf-8', 'replace')}"
    if Flaw.BODY_REWRITTEN in flaws:
        rewritten = json.dumps(json_object(body), ensure_ascii=False, separators=(",", ":"))
        signed = f"{headers.get('x-sepay-timestamp', '')}.{rewritten}"
    given = headers.get("x-sepay-signature", "")
    expected = f"sha256={hmac_sha256(contract.webhook_secret, signed)}"
    outdated = Flaw.OTHER_ALGORITHM_ACCEPTED in flaws and given == outdated_mac(
        contract.webhook_secret, body.decode("utf-8", "replace")
    )
    if not outdated and not is_right(given, expected, flaws):
        hint = expected if Flaw.SIGNATURE_ORACLE in flaws else ""
        raise Rejected(Effect.BAD_SIGNATURE, "x-sepay-signature is wrong", content, hint)


def _check_age(contract: SepayContract, headers: Mapping[str, str], now: datetime, content: str) -> None:
    # sepay-webhooks#hmac: what is more than five minutes off may be an old message sent once more.
    allowed_s = int(contract.max_drift_s)
    sent_at = headers.get("x-sepay-timestamp", "")
    if not (sent_at.isascii() and sent_at.isdigit() and len(sent_at) < 12):
        raise Rejected(Effect.BAD_SIGNATURE, "x-sepay-timestamp is no time", content)
    if allowed_s and abs(now.timestamp() - int(sent_at)) > allowed_s:
        raise Rejected(Effect.BAD_SIGNATURE, "x-sepay-timestamp is too far off", content)


def _outcome(kind: str, flaws: frozenset[Flaw]) -> Outcome:
    if kind == _INCOME or Flaw.RESULT_IGNORED in flaws:
        return Outcome.PAID
    if kind == _OUTGO and Flaw.BILL_DEBIT_IS_INCOME in flaws:
        return Outcome.PAID
    return Outcome.PAID if Flaw.UNKNOWN_CODE_IS_SUCCESS in flaws and kind != _OUTGO else Outcome.UNKNOWN
