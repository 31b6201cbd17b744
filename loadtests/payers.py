"""Who pays: people who cannot exist, each with a dossier and an amount of their own. Pure: seeded, and told apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from math import exp, log
from random import Random

from faker import Faker

from fixtures.people import ApplicantProvider

LEAST_VND = 10_000
THINK_S = 6.0
"""How long people look at a page before they go on, at the median: our assumption, no source tells."""

THINK_SPREAD = 0.9
"""The sigma of its lognormal: one in ten takes three times as long, one in a hundred eight times."""

THINK_MAX_S = 120.0
RETURNS = 0.85
"""How many come back to the portal after they paid; the others close the browser."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to pay that the connector offers, and its share among the payers."""

    bank: str
    method: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """`amount_vnd` is no other payer's of the run, so that the money can be found again wherever it went."""

    dossier_code: str
    amount_vnd: int
    name: str
    way: Way
    number: int
    """Of all payers of the run, from 0."""
    comes_back: bool
    pause_s: tuple[float, ...]


def payers(run: str, seed: str, ways: Sequence[Way], gate: int = 0, gates: int = 1) -> Iterator[Payer]:
    """The payers of one of `gates` generators, without end. The same seed gives the same people in the same order."""
    chance = Random(f"{seed}/payers/{gate}")
    people = Faker("vi_VN")
    people.seed_instance(chance.randrange(2**32))
    people.add_provider(ApplicantProvider)
    weights = [way.weight for way in ways]
    for number in count():
        serial = number * gates + gate
        yield Payer(
            dossier_code=f"{codes_begin(run)}{serial:07d}",
            amount_vnd=LEAST_VND + serial,
            name=people.name(),
            way=chance.choices(ways, weights)[0],
            number=serial,
            comes_back=chance.random() < RETURNS,
            pause_s=(think_s(chance), think_s(chance)),
        )


def codes_begin(run: str) -> str:
    """With what the codes of all dossiers of a run begin."""
    return f"TAI-{run}-"


def think_s(chance: Random) -> float:
    """A time of thinking, with a heavy tail."""
    return min(exp(chance.gauss(log(THINK_S), THINK_SPREAD)), THINK_MAX_S)
