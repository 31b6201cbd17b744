"""Facts about who pays: nobody twice, no two with one amount, thinking long now and then, the same again by seed."""

import re
from itertools import islice
from random import Random
from statistics import median

from loadtests.payers import THINK_MAX_S, THINK_S, Payer, Way, payers, think_s

WAYS = (Way("vnpay", "redirect", 3.0), Way("sepay", "qr", 1.0))


def some(count: int = 500, gate: int = 0, gates: int = 1, seed: str = "1") -> list[Payer]:
    return list(islice(payers("run1", seed, WAYS, gate, gates), count))


def test_every_dossier_and_every_amount_is_its_own_at_all_gates() -> None:
    everybody = [each for gate in range(3) for each in some(gate=gate, gates=3)]
    assert len({each.dossier_code for each in everybody}) == len(everybody)
    assert len({each.amount_vnd for each in everybody}) == len(everybody)


def test_the_same_seed_gives_the_same_people() -> None:
    assert some() == some()
    assert some() != some(seed="2")


def test_ways_are_chosen_by_their_weight() -> None:
    chosen = [each.way.bank for each in some(2000)]
    assert 0.70 < chosen.count("vnpay") / len(chosen) < 0.80


def test_people_have_names_and_codes_that_every_bank_takes() -> None:
    for each in some(50):
        assert " " in each.name
        assert re.fullmatch(r"TAI-run1-\d{7}", each.dossier_code)


def test_most_think_for_some_seconds_and_a_few_for_long() -> None:
    chance = Random("1")
    thought = [think_s(chance) for _ in range(5000)]
    assert abs(median(thought) - THINK_S) < 0.5
    assert sum(each > 3 * THINK_S for each in thought) > 300
    assert max(thought) <= THINK_MAX_S
