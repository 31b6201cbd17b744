"""The test accounts of one sandbox: how they stand now, and how a test gives them another balance or other limits."""

from datetime import datetime

import msgspec

from simulator import payer
from simulator.payer import Account
from simulator.purse import Biometrics, Purse, Standing, changed, standing
from simulator.store import Change, Stored
from simulator.world import World


class Kept(msgspec.Struct, frozen=True):
    """An account as it stands in a sandbox. `spent_vnd` is what it has paid there, less what came back."""

    account: Account
    stands: Standing
    spent_vnd: int


async def kept_in(world: World) -> list[Kept]:
    """All test accounts, in the order of the fixtures."""
    purses = {purse.account: purse for purse in await world.store.purses(world.name)}
    now = await world.now()
    return [_kept(each, purses.get(each.number), now) for each in payer.accounts().values()]


async def change(
    world: World,
    account: Account,
    *,
    balance_vnd: int | None = None,
    per_transfer_vnd: int | None = None,
    daily_vnd: int | None = None,
    biometrics: Biometrics | None = None,
) -> Kept:
    """What is given replaces what the account had; nothing is booked."""

    def decide(stored: Stored) -> Change[Kept]:
        assert stored.purse is not None, "an account was named"
        purse = changed(
            stored.purse,
            balance_vnd=balance_vnd,
            per_transfer_vnd=per_transfer_vnd,
            daily_vnd=daily_vnd,
            biometrics=biometrics,
        )
        return Change(reply=_kept(account, purse, stored.now), purse=purse)

    return await world.store.transact(world.name, None, decide, account.number)


def _kept(account: Account, purse: Purse | None, now: datetime) -> Kept:
    purse = purse or Purse(account=account.number)
    return Kept(account, standing(purse, account.terms, now), purse.spent_vnd)
