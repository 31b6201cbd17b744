"""What a rehearsal stands on: the banks, the connector connected to them, and the plan for the generators."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from conformance.http_target import HttpTarget
from conformance.running import Run, connected, port_wanted, started_simulator
from conformance.target import BadTarget
from conformance.target_file import read_target_file
from loadtests.payers import Way
from loadtests.plan import Banks, Plan, door_of
from loadtests.record import make_record
from loadtests.scenario import Scenario
from simulator.client import Banksim


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the user asked for. `url` = a simulator that runs already, "" = one is started."""

    target: Path
    url: str
    token: str
    seed: str
    users: int
    rate: float
    for_s: float
    payments: int
    gates: int
    patience_s: float
    think: float
    banks: Sequence[str]
    folder: Path
    launch_args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    run: Run
    plan: Plan


@contextmanager
def set_up(scenario: Scenario, wanted: Wanted) -> Iterator[Stage]:
    """Ready for payers. Raises BadTarget, ChildFailed, ControlError."""
    file = read_target_file(wanted.target)
    target = HttpTarget(file, wanted.launch_args)
    with ExitStack() as leaving:
        url = wanted.url or leaving.enter_context(started_simulator(wanted.folder, port_wanted(target)))
        simulator = leaving.enter_context(Banksim(url, wanted.token or None))
        run = leaving.enter_context(connected(simulator, target, wanted.folder, wanted.seed, manual=False))
        ways = ways_of(scenario, run, wanted.banks)
        merchants = {bank: setup.merchant_code for bank, setup in target.banks.items()}
        for each in run.sandbox.merchants():
            merchants[each.bank] = merchants.get(each.bank) or each.merchant_code
        plan = Plan(
            scenario=scenario.name,
            run=run.sandbox.name[-6:],
            seed=wanted.seed,
            users=wanted.users,
            rate=wanted.rate,
            for_s=wanted.for_s,
            payments=wanted.payments,
            gates=wanted.gates,
            patience_s=wanted.patience_s,
            think=wanted.think,
            refund_every=scenario.refund_every,
            ways=ways,
            door=door_of(file, target.base_url),
            banks=Banks(
                url=run.sandbox.url,
                control_url=f"{simulator.url}/_control/sandboxes/{run.sandbox.name}",
                token=wanted.token,
                shapes=run.shapes,
                merchants=merchants,
            ),
            target=str(wanted.target.resolve()),
            folder=str(wanted.folder),
        )
        make_record(plan.record)
        yield Stage(run, plan)


def ways_of(scenario: Scenario, run: Run, banks: Sequence[str]) -> tuple[Way, ...]:
    """What payers may choose from. Raises BadTarget if the connector offers nothing that the scenario is about."""
    target = run.target
    found = tuple(
        Way(bank, method, scenario.weights.get(method, 1.0))
        for bank, setup in target.banks.items()
        for method in setup.methods
        if (not banks or bank in banks) and (not scenario.shapes or run.shapes[bank] in scenario.shapes)
    )
    if not found:
        wanted = f"banks of the shape {' or '.join(scenario.shapes)}" if scenario.shapes else ", ".join(banks)
        raise BadTarget(f"{target.name} declares none of what {scenario.name} is about: {wanted}")
    return found
