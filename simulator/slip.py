"""What the slip of a terminal or of a teller says of a payment; it is kept with the payment.

Rule: pure values. A terminal's state (its last number, its batch) follows from its slips and is stored nowhere else.
"""

from datetime import date, datetime
from enum import StrEnum

import msgspec


class PaidWith(StrEnum):
    """What was put down at a counter."""

    CASH = "cash"
    ACCOUNT = "account"


class TerminalSlip(msgspec.Struct, frozen=True, kw_only=True, tag="terminal"):
    """One sale at a terminal. `stan` (1 to 999999) is the terminal's number of it, `batch` its day's.

    `response_code` is the DE39 that came in time, "" while none has. `reversals` counts the 0400 and 0401 sent,
    `reversal_code` is the DE39 of the 0410. `late_code` is the DE39 of an answer that the terminal dropped.
    """

    terminal_id: str
    stan: int
    batch: int
    sent_at: datetime
    by_card: bool = True
    response_code: str = ""
    approval_code: str = ""
    reversals: int = 0
    reversal_code: str = ""
    late_code: str = ""
    void_stan: int = 0
    voided_at: datetime | None = None
    closed_at: datetime | None = None


class TellerSlip(msgspec.Struct, frozen=True, kw_only=True, tag="teller"):
    """Money taken at a counter. `sequence` is the teller's number of it on that day, `booked_on` the business date.

    `corrects` and `corrected_by` are payment ids: a payment of the wrong code and the one that took its place.
    """

    branch: str
    teller_id: str
    sequence: int
    paid_with: PaidWith
    taken_at: datetime
    booked_on: date
    corrects: str = ""
    corrected_by: str = ""
