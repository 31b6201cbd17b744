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
    """Requests for an order, as raw messages: `create(ref, amount_vnd, now)`, `query(ref, ordered_at, request_ref)`.

    `create` is None where no connector orders, `query` where the bank answers none. `others(ref, now)` are well-formed
    requests of the bank's other kinds. `named(ref)` is how this bank's orders can be called that ("HS1", or only "1").
    """

    merchant_code: str
    create: Callable[[str, int, datetime], Request] | None
    query: Callable[[str, datetime, str], Request] | None
    others: Callable[[str, datetime], list[Request]] | None = None
    named: Callable[[str], str] = str

    def requests(self, ref: str, amount_vnd: int, now: datetime) -> list[Request]:
        """One of each kind."""
        created = [self.create(ref, amount_vnd, now)] if self.create else []
        asked = [self.query(ref, now, "Q1")] if self.query else []
        return [*created, *asked, *(self.others(ref, now) if self.others else [])]


Said = dict[str, object] | str | bytes | Answer
"""An answer of a connector: a JSON object, a text, raw bytes, or a whole answer with status and headers."""
