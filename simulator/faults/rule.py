"""What a test asks for: one rule that says which fault strikes where and how often, with its settings. Pure values."""

import msgspec

CALLBACK = "callback"
"""The operation of the bank's message to the connector. Others: "create", "query", "refund", "inquiry", "receipt"."""

PAY = "pay"
"""The operation of what a payer does."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One rule. Empty `bank`, `operation`, `merchant_code`, `order_ref` match all.

    `skip` matching occasions pass unharmed first; then `times` are hit (0 = for ever), each with `probability`.
    `operation` says which exchange. Empty means what the fault's side usually means: the callback, the payer's deed,
    or for the bank's answers what the bank's shape starts with ("create"; at bill collection the "callback" for what
    can break that too, else any answer). FORGED_SIGNATURE and WRONG_AMOUNT with "query" distort the bank's answer to
    a status query. What follows are settings; each fault's file names those that it reads.
    """

    fault_id: str
    kind: str
    bank: str = ""
    operation: str = ""
    merchant_code: str = ""
    order_ref: str = ""
    skip: int = 0
    times: int = 1
    probability: float = 1.0
    delay_s: float = 60
    copies: int = 2
    at_once: bool = False
    amount_delta_vnd: int = -1


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """Where a fault might strike. `usual` = the exchange that a rule without an operation means at this bank.

    `orders` = connectors make the orders at this bank.
    """

    bank: str
    operation: str
    merchant_code: str = ""
    order_ref: str = ""
    usual: bool = True
    orders: bool = True
