"""Who stands behind an account number: the merchants to whom a payer can send money without being asked for it.

Rule: pure. A merchant tells its account as the option `account`; what is sent elsewhere reaches nobody here.
"""

from simulator.banks import dialects
from simulator.dialect import Dialect, Shape
from simulator.payment import Channel, Merchant
from simulator.world import World

ACCOUNT = "account"
"""The merchant's option that holds its account number, as it stands in VietQR codes."""


def takes_transfers(dialect: Dialect) -> bool:
    return dialect.shape is Shape.ADVICE


def payee_of(world: World, account: str) -> tuple[Dialect, Merchant] | None:
    """The merchant whose account that is; None if nobody's here."""
    for (code, _), merchant in world.merchants.items():
        dialect = dialects().get(code)
        if dialect is not None and takes_transfers(dialect) and account and merchant.options.get(ACCOUNT) == account:
            return dialect, merchant
    return None


def transfer_channel(dialect: Dialect, wanted: Channel) -> Channel:
    """`wanted` where the bank has it, else its usual one."""
    return wanted if wanted in dialect.channels else dialect.channels[0]
