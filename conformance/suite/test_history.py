"""HISTORY: whole stories of payers, bank, faults and time together, drawn by chance and shrunk to the shortest."""

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from conformance.bench import DAY_S, QUERY_PAUSE_S, Bench, Visit, accounted, seen
from conformance.requirement import Failure, Level, expect, requirement
from conformance.target import DossierStatus, Refused, Status

STORIES = 5
STEPS_MAX = 8
SHRINKS_MAX = 40
"""A failing story is told so often to find a shorter one; then the shortest so far will do."""
DOSSIERS = 2
PAUSES_MAX = 2
"""An order may be good for no more than a quarter of an hour."""
SETTLED = frozenset({DossierStatus.PAID, DossierStatus.PARTLY_REFUNDED, DossierStatus.REFUNDED})


@dataclass(slots=True)
class Tale:
    """One story while it is told: its dossiers, the payments the bank has of each, and who was seen paid."""

    bench: Bench
    visits: dict[int, Visit] = field(default_factory=dict)
    seen_paid: set[int] = field(default_factory=set)
    cancelled: set[int] = field(default_factory=set)
    pauses: int = 0


Act = Callable[[Tale, int], None]


def _visit(tale: Tale, dossier: int) -> Visit:
    if dossier not in tale.visits:
        tale.visits[dossier] = tale.bench.open()
    return tale.visits[dossier]


def _is_pending(tale: Tale, dossier: int) -> bool:
    return tale.bench.payment(_visit(tale, dossier)).state == "pending"


def _pays(tale: Tale, dossier: int) -> None:
    if _is_pending(tale, dossier):
        tale.bench.pay(_visit(tale, dossier))


def _fails_to_pay(tale: Tale, dossier: int) -> None:
    if _is_pending(tale, dossier):
        tale.bench.decline(_visit(tale, dossier), "insufficient_funds")


def _tries_again(tale: Tale, dossier: int) -> None:
    """A new attempt takes the place of one that can no longer be paid."""
    bench, visit = tale.bench, _visit(tale, dossier)
    if not bench.announced or bench.payment(visit).state in ("pending", "paid"):
        return
    try:
        tale.visits[dossier] = bench.open_again(visit)
    except Refused:
        bench.tell("the connector refuses to open it again")


def _bank_delivers(tale: Tale, dossier: int) -> None:
    tale.bench.deliver()


def _bank_repeats(tale: Tale, dossier: int) -> None:
    visit = _visit(tale, dossier)
    if tale.bench.payment(visit).state == "paid":
        tale.bench.send(tale.bench.callback(visit, state=None), "the true callback, perhaps once more")


def _stranger_forges(tale: Tale, dossier: int) -> None:
    bench = tale.bench
    false = bench.forge.signed_by_another(bench.callback(_visit(tale, dossier)))
    bench.send(false, "a callback signed with another key")


def _stranger_says_failed(tale: Tale, dossier: int) -> None:
    bench = tale.bench
    false = bench.forge.signed_by_another(bench.callback(_visit(tale, dossier), state="failed", outcome="other"))
    bench.send(false, "a callback of failure signed with another key")


def _callback_gets_lost(tale: Tale, dossier: int) -> None:
    """Only where the connector can find the payment by asking: else it is lost for good, and rightly not booked."""
    if tale.bench.announced and tale.bench.polls:
        tale.bench.fault("lost")


def _callback_is_doubled(tale: Tale, dossier: int) -> None:
    tale.bench.fault("duplicate", copies=3, at_once=True)


def _answer_gets_lost(tale: Tale, dossier: int) -> None:
    tale.bench.fault("answer_lost", operation="callback")


def _time_passes(tale: Tale, dossier: int) -> None:
    """Not too often: the connector's own clock stands still, and its next order must not be past when it begins."""
    if tale.pauses < PAUSES_MAX:
        tale.pauses += 1
        tale.bench.advance(QUERY_PAUSE_S)


def _connector_works(tale: Tale, dossier: int) -> None:
    if tale.bench.polls:
        tale.bench.run_jobs(_visit(tale, dossier))


ACTS: tuple[Act, ...] = (
    _pays,
    _bank_delivers,
    _connector_works,
    _time_passes,
    _fails_to_pay,
    _tries_again,
    _bank_repeats,
    _callback_is_doubled,
    _answer_gets_lost,
    _callback_gets_lost,
    _stranger_forges,
    _stranger_says_failed,
)
"""Simplest first: shrinking replaces an act by an earlier one where the story still fails."""

STEPS = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, DOSSIERS - 1)), min_size=1, max_size=STEPS_MAX)


@requirement(
    "HISTORY-01",
    level=Level.MUST,
    source="portal-defects#no-idempotency",
    says="The connector's books agree with the bank's after any story of payments, repeats, losses and forgeries.",
    vi="Sổ của bộ kết nối khớp với sổ ngân hàng sau mọi chuỗi nộp, gửi lặp, thất lạc và giả mạo.",
    why="What each case alone gets right, two of them together get wrong: money without a dossier, or the reverse.",
    why_vi="Từng trường hợp riêng thì đúng, ghép lại thì sai: có tiền mà không có hồ sơ, hoặc ngược lại.",
    guards=("egov D11", "egov D12", "egov D30", "gateways D30", "gateways D36", "gateways D38"),
    once_a_bank=True,
)
def test_the_books_agree_after_any_story(bench: Bench) -> None:
    worst: list[tuple[Failure, list[str]]] = []
    left = iter(range(STORIES + SHRINKS_MAX))

    @seed(bench.chance.getrandbits(32))
    @settings(
        max_examples=STORIES,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(steps=STEPS)
    def tell(steps: list[tuple[Act, int]]) -> None:
        if next(left, None) is None:
            return
        told = bench.fresh()
        try:
            _live_through(Tale(told), steps)
        except Failure as failure:
            worst.append((failure, told.story))
            raise

    try:
        tell()
    except (Failure, Flaky):
        shortest, story = min(worst, key=lambda each: len(each[1]))
        bench.story[:] = story
        raise Failure(shortest.sentence, expected=shortest.expected, actual=shortest.actual) from None


def _live_through(tale: Tale, steps: list[tuple[Act, int]]) -> None:
    for act, dossier in steps:
        act(tale, dossier)
        for known in sorted(tale.visits):
            _check_now(tale, known)
    _calm_down(tale)
    for known in sorted(tale.visits):
        _check_calm(tale, known)


def _check_now(tale: Tale, dossier: int) -> None:
    """Holds at every moment: no receipt without the bank's money, never two, and paid stays paid."""
    visit = tale.visits[dossier]
    status = tale.bench.status(visit)
    expect(status.receipts <= 1, "at most one receipt is issued", expected="1 receipt", actual=seen(status))
    held_vnd = _collected_vnd(tale, visit) if status.receipts else 0
    expect(
        status.receipts == 0 or held_vnd >= visit.amount_vnd,
        "a receipt is issued only for money that the bank has",
        expected=f"{visit.amount_vnd} VND at the bank",
        actual=f"{held_vnd} VND at the bank, {seen(status)}",
    )
    expect(
        dossier not in tale.seen_paid or status.status in SETTLED,
        "a paid dossier never becomes unpaid",
        expected="paid",
        actual=seen(status),
    )
    if status.status in SETTLED:
        tale.seen_paid.add(dossier)


def _calm_down(tale: Tale) -> None:
    """Everything that is under way arrives, and the connector does all its work."""
    tale.bench.advance(DAY_S)
    if tale.bench.polls:
        for visit in tale.visits.values():
            tale.bench.run_jobs(visit)


def _check_calm(tale: Tale, dossier: int) -> None:
    """Once all is calm both books say the same: each dong of the bank's is booked or flagged, and no other is."""
    visit = tale.visits[dossier]
    held_vnd = _collected_vnd(tale, visit)

    def agrees(found: Status) -> bool:
        return accounted(found) == held_vnd and found.receipts == min(held_vnd, 1)

    status = tale.bench.calm_status(visit, agrees)
    expect(
        agrees(status),
        "the connector's books agree with the bank's",
        expected=f"{held_vnd} VND, {min(held_vnd, 1)} receipts",
        actual=seen(status),
    )


def _collected_vnd(tale: Tale, visit: Visit) -> int:
    """What the bank holds for this dossier, over all its attempts."""
    references = tale.bench.references(visit.dossier_code)
    return sum(entry.amount_vnd for entry in tale.bench.sandbox.ledger() if entry.order_ref in references)
