"""What a rehearsal came to, as one value: written to results.json, and shown by every report."""

import platform
import time
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from os import cpu_count

import msgspec

from conformance.recorder import exchange_of
from conformance.requirement import Capability
from conformance.results import Exchange
from loadtests.audit import Audit, Case, audit
from loadtests.books import bank_rows, connector_rows
from loadtests.day_files import FILE, HAND_IN
from loadtests.files_found import Files, FilesRead
from loadtests.judging import Fate
from loadtests.payers import codes_begin
from loadtests.percentiles import percentile
from loadtests.plan import Plan
from loadtests.record import Happening, Interim, Record, Window
from loadtests.scenario import Scenario
from loadtests.slo import Measured, Objective
from loadtests.stage import Stage
from loadtests.telling import CALLBACK, LAG, callback_times

CALM_S, LOOK_S = 60.0, 0.5
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
TIMELY = ("open", "open 2", "page", "return", "status", "paid", FILE, HAND_IN, CALLBACK, LAG)
"""Whose times are drawn: what a payer waits for, and a bank."""

STEP_S = 2.0
"""Between two points of the money in flight."""


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A dossier whose money is not where it belongs, with what crossed the wire about it."""

    dossier_code: str
    bank: str
    order_ref: str
    fate: Fate
    debited_vnd: int
    booked_vnd: int
    receipts: int
    exchanges: tuple[Exchange, ...]


class Fated(msgspec.Struct, frozen=True, kw_only=True):
    """How many dossiers of one bank came to that, and their money, as in audit.Count."""

    bank: str
    fate: Fate
    dossiers: int
    debited_vnd: int
    booked_vnd: int
    returned_vnd: int
    due_vnd: int
    refunded_vnd: int


class Refunds(msgspec.Struct, frozen=True, kw_only=True):
    """Money that went back, by bank: by the bank's book, and by the connector's; what still must."""

    bank: str
    returned_vnd: int
    refunded_vnd: int
    due_vnd: int


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How far the generator itself was the limit; all 0 = it was not."""

    turned_away: int
    behind_s: float


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """`began` in seconds since 1970; `windows` by kind of request, oldest first; `strangers` = money of no payer's.

    `in_flight` = (seconds of the run, dong that was paid and not yet seen to be).
    """

    scenario: str
    says: str
    says_vi: str
    target: str
    plan: Plan
    began: float
    took_s: float
    fates: tuple[Fated, ...]
    refunds: tuple[Refunds, ...]
    files: Files
    strangers: int
    strangers_vnd: int
    examples: tuple[Example, ...]
    objectives: tuple[Objective, ...]
    times: dict[str, dict[str, float]]
    requests: int
    failures: int
    failed: tuple[tuple[str, str, int], ...]
    windows: dict[str, tuple[Window, ...]]
    in_flight: tuple[tuple[float, int], ...]
    happenings: tuple[Happening, ...]
    interims: tuple[Interim, ...]
    limits: Limits
    machine: str
    versions: dict[str, str]

    @property
    def held(self) -> bool:
        return all(each.held for each in self.objectives)

    def dossiers(self, fate: Fate | None = None) -> int:
        return sum(each.dossiers for each in self.fates if fate is None or each.fate == fate)


def calm(stage: Stage) -> None:
    """Waits until the banks have told all that they have to, or a minute is over; then the connector does its jobs."""
    target, until = stage.run.target, time.monotonic() + CALM_S
    while _telling(stage) and time.monotonic() < until:
        time.sleep(LOOK_S)
    if Capability.RUN_JOBS in target.capabilities:
        target.run_jobs("")
    time.sleep(min(target.settle_s, CALM_S))


def _telling(stage: Stage) -> bool:
    states = stage.run.sandbox.totals().deliveries_by_state
    return any(states.get(state, 0) for state in ("waiting", "claimed"))


def compare(stage: Stage, record: Record, since: float = 0.0, until: float = float("inf")) -> Audit:
    """The books of the payers who began after `since`, up to `until`."""
    sandbox, target = stage.run.sandbox, stage.run.target
    rows = connector_rows(target, record, codes_begin(stage.plan.run), since, until)
    return audit(record.path, bank_rows(sandbox), rows, since, until)


def measured(stage: Stage, record: Record) -> Measured:
    """Times of the whole run by kind of request and of callbacks, and the share of failed requests."""
    for name, told in callback_times(stage.run.sandbox).items():
        record.add_times(name, told)
    times = {name: _percentiles(record.times(name)) for name in record.names()}
    figures = record.figures()
    requests = figures.get("requests", 0)
    return Measured(times=times, error_share=figures.get("failures", 0) / requests if requests else 0.0)


def _percentiles(counted: dict[int, int]) -> dict[str, float]:
    return {name: percentile(counted, share) for name, share in PERCENTILES.items()}


def _refunds(books: Audit) -> Iterator[Refunds]:
    for bank in sorted({bank for bank, _ in books.counts}):
        of = books.total(bank=bank)
        if of.returned_vnd or of.refunded_vnd or of.due_vnd:
            yield Refunds(bank=bank, returned_vnd=of.returned_vnd, refunded_vnd=of.refunded_vnd, due_vnd=of.due_vnd)


def found(
    scenario: Scenario,
    stage: Stage,
    record: Record,
    books: Audit,
    files: FilesRead,
    objectives: list[Objective],
    times: Measured,
) -> Found:
    figures = record.figures()
    return Found(
        scenario=scenario.name,
        says=scenario.says,
        says_vi=scenario.says_vi,
        target=stage.run.target.name,
        plan=stage.plan,
        began=figures["began"],
        took_s=round(figures["ended"] - figures["began"], 1),
        fates=tuple(
            Fated(bank=bank, fate=fate, **asdict(count)) for (bank, fate), count in sorted(books.counts.items())
        ),
        refunds=tuple(_refunds(books)),
        files=files.told(),
        strangers=books.strangers.dossiers,
        strangers_vnd=books.strangers.debited_vnd,
        examples=tuple(_examples(stage, books)),
        objectives=tuple(objectives),
        times={name: dict(of) for name, of in times.times.items()},
        requests=int(figures["requests"]),
        failures=int(figures["failures"]),
        failed=tuple(record.failures()),
        windows={name: tuple(record.windows(name)) for name in TIMELY if name in times.times},
        in_flight=tuple(record.in_flight(figures["began"], STEP_S)),
        happenings=tuple(record.happenings()),
        interims=tuple(record.interims()),
        limits=Limits(turned_away=int(figures["turned away"]), behind_s=round(figures["behind_s"], 2)),
        machine=f"{platform.system()} {platform.machine()}, {cpu_count()} processors",
        versions={"banksim": version("banksim"), "locust": version("locust"), "python": platform.python_version()},
    )


def _examples(stage: Stage, books: Audit) -> Iterator[Example]:
    for fate, cases in sorted(books.examples.items()):
        for case in cases:
            yield _example(stage, fate, case)


def _example(stage: Stage, fate: Fate, case: Case) -> Example:
    said = stage.run.sandbox.journal(payment_id=case.payment_id) if case.payment_id else ()
    return Example(
        dossier_code=case.dossier_code,
        bank=case.bank,
        order_ref=case.order_ref,
        fate=fate,
        debited_vnd=case.books.debited_vnd,
        booked_vnd=case.books.booked_vnd,
        receipts=case.books.receipts,
        exchanges=tuple(exchange_of(each) for each in said),
    )
