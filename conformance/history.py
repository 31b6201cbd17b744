"""Whole stories of payers, banks, faults, time and the connector's own work, told step by step by a state machine.

Rule: a step may be taken whenever its precondition holds, and what must hold, must hold after every step; a story
that breaks it is shrunk by hypothesis to the shortest that still does, and told in the bench's own sentences.
"""

import sys
from dataclasses import dataclass, field
from typing import Any, cast

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from conformance.bench import DAY_S, QUERY_PAUSE_S, Bench, Visit, accounted, seen
from conformance.requirement import Failure, NotApplicable, expect
from conformance.target import BELIEVED, Refused, Status

STEPS_MAX = 10
SHRINKS_MAX = 60
"""A failing story is told so often to find a shorter one; then the shortest so far will do."""
DOSSIERS_MAX = 3
ATTEMPTS_MAX = 3
PAUSES_MAX = 2
"""An order may be good for no more than a quarter of an hour."""


@dataclass(slots=True, eq=False)
class Dossier:
    """One dossier of a story: each attempt to pay it, with the bank where it was made, and whether it was seen paid."""

    attempts: list[tuple[Bench, Visit]]
    seen_paid: bool = False

    @property
    def last(self) -> tuple[Bench, Visit]:
        return self.attempts[-1]


@dataclass(slots=True)
class Telling:
    """What is kept over all the stories of one requirement: the failures with their stories, and how many were told."""

    failed: list[tuple[Failure, tuple[str, ...]]] = field(default_factory=list)
    shrinks: int = 0


class ToldEnough(BaseException):
    """Shrinking goes on no longer. No Exception: hypothesis is to let it through."""


class History(RuleBasedStateMachine):
    """A story at one bank or at several, one bench each, in which the connector is killed so often at most."""

    dossiers = Bundle("dossiers")
    any_bank = st.integers(0, 3)

    def __init__(self, benches: tuple[Bench, ...], telling: Telling, kills_left: int) -> None:
        super().__init__()
        self.benches = benches
        self.telling = telling
        self.known: list[Dossier] = []
        self.pauses = 0
        self.kills_left = kills_left
        if telling.failed:
            telling.shrinks += 1
            if telling.shrinks > SHRINKS_MAX:
                raise ToldEnough

    # --- payers -------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.known) < DOSSIERS_MAX)
    @rule(target=dossiers, bank=any_bank)
    def opens(self, bank: int) -> Dossier:
        bench = self.benches[bank % len(self.benches)]
        dossier = Dossier([(bench, bench.open())])
        self.known.append(dossier)
        return dossier

    @rule(dossier=dossiers)
    def pays(self, dossier: Dossier) -> None:
        bench, visit = dossier.last
        if bench.payment(visit).state == "pending":
            bench.pay(visit)

    @rule(dossier=dossiers)
    def pays_in_the_older_tab(self, dossier: Dossier) -> None:
        """An earlier attempt that was left open is paid after all, maybe beside the later one."""
        bench, visit = dossier.attempts[0]
        if len(dossier.attempts) > 1 and bench.payment(visit).state == "pending":
            bench.pay(visit)

    @rule(dossier=dossiers)
    def fails_to_pay(self, dossier: Dossier) -> None:
        bench, visit = dossier.last
        if bench.announced and bench.payment(visit).state == "pending":
            bench.decline(visit, "insufficient_funds")

    @rule(dossier=dossiers, bank=any_bank)
    def tries_again(self, dossier: Dossier, bank: int) -> None:
        """In a second tab, or after a failure; in a story of several banks maybe at another."""
        bench, visit = self.benches[bank % len(self.benches)], dossier.last[1]
        if not (bench.announced and dossier.last[0].announced) or len(dossier.attempts) >= ATTEMPTS_MAX:
            return
        try:
            dossier.attempts.append((bench, bench.open_again(visit)))
        except Refused:
            bench.tell("the connector refuses to open it again")

    @rule(dossier=dossiers)
    def goes_back(self, dossier: Dossier) -> None:
        """The browser returns to the connector, with whatever the bank says by then."""
        bench, visit = dossier.last
        try:
            bench.go_back(visit)
        except NotApplicable:
            return

    # --- banks --------------------------------------------------------------------------------------------------

    @rule()
    def banks_deliver(self) -> None:
        self.benches[0].deliver()

    @rule(dossier=dossiers)
    def bank_repeats(self, dossier: Dossier) -> None:
        bench, visit = dossier.last
        if self.hears(bench) and bench.payment(visit).state == "paid":
            bench.send(bench.callback(visit, state=None), "the true callback, perhaps once more")

    @rule(bank=any_bank, at_once=st.booleans())
    def next_callback_is_doubled(self, bank: int, at_once: bool) -> None:
        self.benches[bank % len(self.benches)].fault("duplicate", copies=3, at_once=at_once)

    @rule(bank=any_bank)
    def next_acknowledgement_gets_lost(self, bank: int) -> None:
        self.benches[bank % len(self.benches)].fault("answer_lost", operation="callback")

    @rule(bank=any_bank)
    def next_callback_gets_lost(self, bank: int) -> None:
        """Only where the connector can find the payment by asking: else it is lost for good, and rightly not booked."""
        bench = self.benches[bank % len(self.benches)]
        if bench.announced and bench.polls:
            bench.fault("lost")

    @rule(bank=any_bank)
    def next_query_is_not_answered(self, bank: int) -> None:
        bench = self.benches[bank % len(self.benches)]
        if bench.announced and bench.polls:
            bench.fault("http_500", operation="query")

    @rule(bank=any_bank)
    def late_failure_follows(self, bank: int) -> None:
        """After the next success the bank also says that the order failed: an older attempt's news, come late."""
        bench = self.benches[bank % len(self.benches)]
        if bench.announced:
            bench.fault("success_then_failure", delay_s=1)

    # --- strangers ----------------------------------------------------------------------------------------------

    @rule(dossier=dossiers, says_paid=st.booleans())
    def stranger_forges(self, dossier: Dossier, says_paid: bool) -> None:
        bench, visit = dossier.last
        if not self.hears(bench):
            return
        says: dict[str, Any] = {} if says_paid else {"state": "failed", "outcome": "other"}
        false = bench.forge.signed_by_another(bench.callback(visit, **says))
        bench.send(false, f"a callback of {'success' if says_paid else 'failure'} signed with another key")

    # --- time and the connector ---------------------------------------------------------------------------------

    @precondition(lambda self: self.pauses < PAUSES_MAX)
    @rule()
    def time_passes(self) -> None:
        """Not too often: the connector's own clock stands still, and its next order must not be past when it begins."""
        self.pauses += 1
        self.benches[0].advance(QUERY_PAUSE_S)

    @precondition(lambda self: self.benches[0].polls)
    @rule(dossier=dossiers)
    def connector_works(self, dossier: Dossier) -> None:
        bench, visit = dossier.last
        bench.run_jobs(visit)

    @precondition(lambda self: self.kills_left > 0)
    @rule()
    def connector_is_killed(self) -> None:
        self.kills_left -= 1
        self.benches[0].restart()

    # --- what must hold -----------------------------------------------------------------------------------------

    @invariant()
    def books_hold(self) -> None:
        """At every moment: no receipt without the bank's money, never two, and paid stays paid."""
        for dossier in self.known:
            self.check_now(dossier)

    def teardown(self) -> None:
        """The end: a failure is kept with its story; else all that is under way arrives, and the books are compared."""
        broke = sys.exc_info()[1]
        try:
            if broke is None and self.known:
                self.calm_down()
        except Failure as failure:
            broke = failure
            raise
        finally:
            if isinstance(broke, Failure):
                self.telling.failed.append((broke, tuple(self.benches[0].story)))

    def calm_down(self) -> None:
        first = self.benches[0]
        first.sandbox.clear_faults()
        first.tell("nothing is disturbed any longer")
        first.advance(DAY_S)
        if first.polls:
            for dossier in self.known:
                first.run_jobs(dossier.last[1])
        for dossier in self.known:
            self.check_calm(dossier)

    def check_now(self, dossier: Dossier) -> None:
        bench, visit = dossier.last
        status = bench.status(visit)
        expect(status.receipts <= 1, "at most one receipt is issued", expected="1 receipt", actual=seen(status))
        held_vnd = self.held_vnd(dossier) if status.receipts else 0
        expect(
            status.receipts == 0 or held_vnd >= visit.amount_vnd,
            "a receipt is issued only for money that the bank has",
            expected=f"{visit.amount_vnd} VND at the bank",
            actual=f"{held_vnd} VND at the bank, {seen(status)}",
        )
        settled = status.status in BELIEVED
        expect(
            settled or not dossier.seen_paid,
            "a paid dossier never becomes unpaid",
            expected="paid",
            actual=seen(status),
        )
        dossier.seen_paid = settled

    def check_calm(self, dossier: Dossier) -> None:
        """Once all is calm: each dong of the bank's is booked or flagged, and no other is."""
        bench, visit = dossier.last
        held_vnd = self.held_vnd(dossier)
        receipts = min(held_vnd, 1)

        def agrees(found: Status) -> bool:
            told_vnd = held_vnd if found.refund_due_vnd is not None else min(held_vnd, visit.amount_vnd)
            return accounted(found) == told_vnd and found.receipts == receipts

        status = bench.calm_status(visit, agrees)
        expect(
            agrees(status),
            "the connector's books agree with the bank's",
            expected=f"{held_vnd} VND, {receipts} receipts",
            actual=seen(status),
        )

    def held_vnd(self, dossier: Dossier) -> int:
        """What the banks hold for this dossier, over all its attempts."""
        visit = dossier.last[1]
        references = {each for bench in self.benches for each in bench.references(visit.dossier_code)}
        return sum(each.amount_vnd for each in self.benches[0].sandbox.ledger() if each.order_ref in references)

    # --- what the story may do ----------------------------------------------------------------------------------

    @staticmethod
    def hears(bench: Bench) -> bool:
        """Whether the connector takes callbacks of that bank at all."""
        return bool(bench.merchant.callback_url)


def tell_stories(bench: Bench, stories: int, *, banks: tuple[str, ...] = (), kills: int = 0) -> None:
    """Tells so many stories at the bench's bank (and at `banks`), with at most `kills` of the connector in each.

    Raises the Failure of the shortest that fails; the bench's story is then that one.
    """
    telling = Telling()

    def begin() -> History:
        first = bench.fresh()
        return History((first, *(first.at(bank) for bank in banks)), telling, kills)

    rules = settings(
        max_examples=stories,
        stateful_step_count=STEPS_MAX,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    machine = cast(type[RuleBasedStateMachine], seed(bench.chance.getrandbits(32))(begin))
    try:
        run_state_machine_as_test(machine, settings=rules)
    except (Failure, Flaky, ToldEnough):
        if not telling.failed:
            raise
    if telling.failed:
        shortest, story = min(telling.failed, key=lambda each: len(each[1]))
        bench.story[:] = story
        raise Failure(shortest.sentence, expected=shortest.expected, actual=shortest.actual) from None
