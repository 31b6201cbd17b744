"""How a connector speaks to one bank."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from simulator.wire import Answer, Request

BILL_AMOUNT_VND = 20_000
"""What every sample biller says is owed."""

JSON_HEADERS = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Sample:
    """Requests for an order, as raw messages: `create(ref, amount_vnd, now)`, `query(ref, ordered_at, request_ref)`."""

    merchant_code: str
    create: Callable[[str, int, datetime], Request]
    query: Callable[[str, datetime, str], Request]


Said = dict[str, object] | str | bytes | Answer
"""An answer of a connector: a JSON object, a text, raw bytes, or a whole answer with status and headers."""
