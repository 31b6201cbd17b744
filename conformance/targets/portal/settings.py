"""What the portal is told at its start: where the banks are, its contracts with them, and its own choices."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Style(StrEnum):
    LISTENS = "listens"
    """A callback is settled before it is acknowledged."""
    ACKS_FIRST = "acks_first"
    """A callback is stored, acknowledged, and settled a little later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`bank_url` and `public_url` have no "/" at their end.

    `contracts` has, by bank, what differs from the test contract ("secret" = "..."); see the protocols' contracts.
    `says_already_confirmed` = a repeated callback is answered with the bank's code for that, else as the first one.
    `keeps_overpayments` = money above what was ordered settles the dossier, and what is too much is due back; else such
    a message is refused.
    `return_asks` = the payer's return makes the portal ask the bank at once; it never settles by itself.
    `order_life_s` = how long the payer may take, `poll_after_s` = when an order without callback is first asked
    about, `poll_every_s` = how often the poller looks (0 = only when told to). `inbox_url` is the gateway for messages
    to payers ("/sms" and "/email" below it); "" = they are written and shown, and go nowhere.
    """

    bank_url: str
    public_url: str
    database: Path
    contracts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    style: Style = Style.LISTENS
    says_already_confirmed: bool = True
    keeps_overpayments: bool = False
    return_asks: bool = False
    bank_timeout_s: float = 8.0
    order_life_s: int = 900
    poll_after_s: int = 900
    poll_every_s: float = 30.0
    settle_after_s: float = 0.3
    inbox_url: str = ""
