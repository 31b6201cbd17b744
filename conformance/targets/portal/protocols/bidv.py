"""BIDV's bill collection from the biller's side: the bank asks what a customer owes, then tells what was paid.

Rule: a token proves who sends, a checksum what is said, and neither does for the other. The checksum runs values
together and leaves customer and service out, so the signed bill must be the very one that the customer owes.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import BankWord, Dossier, Effect, Outcome, Rejected
from conformance.targets.portal.protocols.fields import (
    Fields,
    json_object,
    require,
    text,
    text_or_nothing,
    whole_amount,
)
from conformance.targets.portal.protocols.seals import hmac_sha256, is_right

BANK = "bidv"
METHODS = ("bill", "counter", "pos", "internet_banking", "mobile")

# What may be a payment's number: nothing that could carry a piece of the bill's number behind it.
_TRANS_ID = re.compile(r"[A-Za-z0-9._-]{1,50}")
_BEARER = re.compile(r"Bearer ([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)

NO_TOKEN = ("003", "Bearer token is not accepted")
# bidv-vietqr#codes
_ANSWERS = {
    Effect.SETTLED: ("000", "success"),
    Effect.REFUND_DUE: ("000", "success"),
    Effect.FAILED: ("000", "success"),
    Effect.NOTED: ("000", "success"),
    Effect.REPEATED: ("023", "The bill is paid already"),
    Effect.UNKNOWN_ORDER: ("021", "There is no such bill"),
    Effect.FOREIGN: ("006", "There is no such service"),
    Effect.WRONG_AMOUNT: ("022", "The amount is not the bill's"),
    Effect.BAD_SIGNATURE: ("004", "Wrong checksum"),
    Effect.MALFORMED: ("001", "A field is missing"),
    Effect.BROKEN: ("031", "The system failed"),
}
# Who asks is told that there is no such customer, or that he owes nothing (any more).
_TO_GETBILL = _ANSWERS | {
    Effect.UNKNOWN_ORDER: ("011", "There is no such customer"),
    Effect.REPEATED: ("012", "The customer has no bill to pay now"),
}
# bidv-vietqr#status: these two are no errors, all other refusals come with HTTP 400.
_WELL = frozenset({"000", "012", "023"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BidvContract:
    """`checksum` is "md5" or "hmac", for paybill. `max_drift_s` is how far the clocks may be apart.

    "0" = a token of any age will do: for tests that move the bank's clock.
    """

    service_id: str = "SVC001"
    secret: str = "demo-secret"
    jwt_secret: str = "demo-token-secret"
    checksum: str = "md5"
    max_drift_s: str = "60"


def bears_token(contract: BidvContract, headers: Mapping[str, str], now: datetime, flaws: frozenset[Flaw]) -> bool:
    """Whether the message comes with the bank's own token, still good."""
    if Flaw.SIGNATURE_NOT_CHECKED in flaws:
        return True
    found = _BEARER.fullmatch(headers.get("authorization", ""))
    if found is None:
        return False
    signed = f"{found[1]}.{found[2]}".encode()
    try:
        head, claims, given = json_object(_raw(found[1])), json_object(_raw(found[2])), _raw(found[3])
    except (ValueError, Rejected):
        return False
    if Flaw.TOKEN_ALGORITHM_TRUSTED in flaws and head.get("alg") == "none":
        return True
    # rfc-7519: an algorithm that the token itself may choose could be none at all.
    genuine = hmac.compare_digest(given, hmac.digest(contract.jwt_secret.encode(), signed, "sha256"))
    return genuine and head.get("alg") == "HS256" and _is_fresh(claims, int(contract.max_drift_s), now)


def check_getbill(contract: BidvContract, fields: Fields, flaws: frozenset[Flaw]) -> str:
    """Whose bill is asked for. Raises Rejected unless the bank asks."""
    customer_id = text(fields, "customer_id")
    signed = f"{contract.secret}{text(fields, 'service_id')}{customer_id}"
    # bidv-vietqr#getbill: MD5, whatever paybill has.
    if Flaw.INQUIRY_UNSIGNED_ANSWERED not in flaws and not is_right(text(fields, "checksum"), _md5(signed), flaws):
        raise Rejected(Effect.BAD_SIGNATURE, "the checksum is wrong")
    require(fields, ("customer_id", "service_id"))
    _check_service(contract, fields, flaws)
    return customer_id


def read_paybill(contract: BidvContract, fields: Fields, flaws: frozenset[Flaw]) -> BankWord:
    """What was paid. Raises Rejected."""
    _check_paybill(contract, fields, flaws)
    require(fields, ("trans_id", "customer_id", "service_id", "bill_id", "amount"))
    bill_id, customer_id, trans_id = (text(fields, name) for name in ("bill_id", "customer_id", "trans_id"))
    _check_service(contract, fields, flaws)
    if _TRANS_ID.fullmatch(trans_id) is None:
        raise Rejected(Effect.MALFORMED, "trans_id has other signs than letters and digits", customer_id)
    # getbill told the bill's code as bill_id, and a payer who was not asked about types it as customer_id.
    if bill_id != customer_id and Flaw.FIELDS_RUN_TOGETHER not in flaws:
        raise Rejected(Effect.UNKNOWN_ORDER, "bill_id is not this customer's", customer_id)
    return BankWord(
        bank=BANK,
        order_ref=customer_id,
        # bidv-vietqr#paybill: a bill may be paid twice, and each payment has a number of its own.
        money_ref=trans_id,
        amount_vnd=whole_amount(text(fields, "amount"), flaws),
        # bidv-vietqr#paybill: there are no messages but of money that came.
        outcome=Outcome.PAID,
        bank_ref=text_or_nothing(fields, "additionalData2"),
        code="paybill",
    )


def answer_getbill(contract: BidvContract, effect: Effect, dossier: Dossier | None) -> tuple[int, dict[str, object]]:
    """(HTTP status, body): what is owed when `dossier` is given, else why nothing is."""
    if dossier is None:
        return _answer(_TO_GETBILL[effect])
    status, told = _answer(_ANSWERS[Effect.SETTLED])
    return status, told | {
        "service_id": contract.service_id,
        "customer_id": dossier.bill_code,
        "customer_name": dossier.applicant,
        "customer_addr": "",
        "data": [{"type": 1, "amount": dossier.fee_vnd, "bill_id": dossier.bill_code}],
    }


def acknowledge(effect: Effect, hint: str) -> tuple[int, dict[str, object]]:
    """(HTTP status, body) for paybill."""
    return _answer(_ANSWERS[effect], hint)


def refuse_token() -> tuple[int, dict[str, object]]:
    """(HTTP status, body) for whoever bears none."""
    return _answer(NO_TOKEN)


def _answer(told: tuple[str, str], hint: str = "") -> tuple[int, dict[str, object]]:
    code, description = told
    return 200 if code in _WELL else 400, {"result_code": code, "result_desc": f"{description} {hint}".strip()}


def _check_paybill(contract: BidvContract, fields: Fields, flaws: frozenset[Flaw]) -> None:
    signed = contract.secret + "".join(text(fields, name) for name in ("trans_id", "bill_id", "amount"))
    # bidv-vietqr#paybill: HMAC is over the same text, with the secret in it once more.
    expected = hmac_sha256(contract.secret, signed) if contract.checksum == "hmac" else _md5(signed)
    given = text(fields, "checksum")
    outdated = Flaw.OTHER_ALGORITHM_ACCEPTED in flaws and given == hashlib.sha1(signed.encode()).hexdigest()
    if not outdated and not is_right(given, expected, flaws):
        hint = expected if Flaw.SIGNATURE_ORACLE in flaws else ""
        raise Rejected(Effect.BAD_SIGNATURE, "the checksum is wrong", text(fields, "customer_id"), hint)


def _check_service(contract: BidvContract, fields: Fields, flaws: frozenset[Flaw]) -> None:
    if text(fields, "service_id") != contract.service_id and Flaw.MERCHANT_NOT_COMPARED not in flaws:
        raise Rejected(Effect.FOREIGN, "service_id is another biller's", text(fields, "customer_id"))


def _is_fresh(claims: Fields, drift_s: int, now: datetime) -> bool:
    """bidv-vietqr#token: good for five minutes, as exp says; it may have no iat."""
    if not drift_s:
        return True
    begins, ends = _instant(claims.get("iat", 0)), _instant(claims.get("exp"))
    if begins is None or ends is None:
        return False
    return begins - drift_s <= now.timestamp() <= ends + drift_s


def _instant(value: object) -> int | None:
    """Seconds since 1970; None for what is no time."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value < 10**12 else None


def _raw(part: str) -> bytes:
    """A token's part, base64url without its padding. Raises ValueError."""
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _md5(signed: str) -> str:
    return hashlib.md5(signed.encode()).hexdigest()
