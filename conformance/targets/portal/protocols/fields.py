"""JSON that came from outside, read field by field. Rule: what is not understood is refused here, at the door."""

import json
import re
from collections.abc import Mapping
from typing import Any

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Effect, Rejected

NO_AMOUNT = -1
"""What an amount that cannot be read becomes: no bill is of that amount."""

_WHOLE = re.compile(r"[1-9][0-9]{0,17}")
_INT32_MAX = 2**31 - 1

Fields = Mapping[str, Any]


def json_object(body: bytes) -> Fields:
    """Raises Rejected for anything but an object, however hostile."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Rejected(Effect.MALFORMED, "the body is no JSON") from error
    if not isinstance(found, dict):
        raise Rejected(Effect.MALFORMED, "the body is no JSON object")
    return found


def text(fields: Fields, name: str) -> str:
    """A text or whole number as text, "" for null and for what is absent. Raises Rejected for other kinds."""
    value = fields.get(name)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise Rejected(Effect.MALFORMED, f"{name} is neither text nor a whole number")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Rejected(Effect.MALFORMED, f"{name} has half a character") from error
    return value


def text_or_nothing(fields: Fields, name: str) -> str:
    """For what is only repeated to the caller: "" for what is no text."""
    try:
        return text(fields, name)
    except Rejected:
        return ""


def require(fields: Fields, names: tuple[str, ...]) -> None:
    """Raises Rejected unless all are there and not empty."""
    missing = [name for name in names if not text(fields, name)]
    if missing:
        raise Rejected(Effect.MALFORMED, f"{', '.join(missing)} is missing")


def whole_amount(digits: str, flaws: frozenset[Flaw]) -> int:
    """Whole units of money, NO_AMOUNT for all that is not plain digits ("-1", "1.5", "050", "1e3", "")."""
    if Flaw.AMOUNT_READ_LOOSELY in flaws:
        digits = _loosely(digits)
    if _WHOLE.fullmatch(digits) is None:
        return NO_AMOUNT
    amount = int(digits)
    if Flaw.AMOUNT_IN_INT32 in flaws and amount > _INT32_MAX:
        return NO_AMOUNT
    return amount


def _loosely(digits: str) -> str:
    """What the defect makes of "50000.5"."""
    try:
        return str(int(float(digits)))
    except (ValueError, OverflowError):
        return digits
