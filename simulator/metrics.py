"""Metrics in Prometheus's text format 0.0.4, made from counters that the store keeps: nothing is counted for them.

Rule: pure. Few sandboxes are listed by name, so that a server with thousands stays readable for a scraper.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from simulator.process import Process
from simulator.store import Figures, Size

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SANDBOXES_MAX = 50
OTHERS = "(others)"
"""The oldest sandboxes are listed, so that a series goes on; all younger ones together bear this name."""

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

Labels = tuple[tuple[str, str], ...]
Sample = tuple[str, Labels, float]
"""(what is appended to the family's name, labels, value)."""

ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: `kind` is "counter", "gauge" or "histogram"; `told` says what it is."""

    name: str
    kind: str
    told: str
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Server:
    """What one scrape sees: the store, shared by all processes, and the process that was asked."""

    figures: Sequence[Figures]
    size: Size
    process: Process
    started_at: datetime
    now: datetime
    version: str
    python: str


def exposition(server: Server) -> str:
    """The whole page."""
    return "".join(_written(each) for each in (*_of_store(server), *_of_process(server)) if each.samples)


def _written(family: Family) -> str:
    head = f"# HELP {family.name} {family.told}\n# TYPE {family.name} {family.kind}\n"
    return head + "".join(
        f"{family.name}{more}{_labels(labels)} {value:.16g}\n" for more, labels, value in family.samples
    )


def _labels(labels: Labels) -> str:
    told = ",".join(f'{name}="{value.translate(ESCAPED)}"' for name, value in labels)
    return f"{{{told}}}" if told else ""


def _of_store(server: Server) -> Iterable[Family]:
    named = list(server.figures[:SANDBOXES_MAX])
    others = server.figures[SANDBOXES_MAX:]
    groups = [(each.sandbox, [each]) for each in named] + ([(OTHERS, list(others))] if others else [])

    def counted(name: str, kind: str, told: str, count: Callable[[Figures], Mapping[Labels, int]]) -> Family:
        samples: list[Sample] = []
        for sandbox, figures in groups:
            total: Counter[Labels] = Counter()
            for each in figures:
                total.update(count(each))
            samples += [("", (("sandbox", sandbox), *labels), value) for labels, value in sorted(total.items())]
        return Family(f"banksim_{name}", kind, told, tuple(samples))

    def timed(name: str, told: str, times: Callable[[Figures], Mapping[int, int]]) -> Family:
        samples: list[Sample] = []
        for sandbox, figures in groups:
            total: Counter[int] = Counter()
            for each in figures:
                total.update(times(each))
            samples += _histogram((("sandbox", sandbox),), total)
        return Family(f"banksim_{name}", "histogram", told, tuple(samples))

    yield _one("sandboxes", "Sandboxes of this server.", len(server.figures))
    yield counted(
        "payments", "gauge", "Payments by their present state, those removed by the one they ended in.", _banks
    )
    yield counted("debited_vnd_total", "counter", "Dong that payers paid.", _single(lambda t: t.totals.debited_vnd))
    yield counted("refunded_vnd_total", "counter", "Dong given back.", _single(lambda t: t.totals.refunded_vnd))
    yield counted("callbacks", "gauge", "Callbacks by their present state.", _callbacks)
    yield counted("callback_retries_total", "counter", "Attempts after a first.", _single(lambda t: t.totals.retries))
    overdue = [(name, max(_overdue_s(each, server.now) for each in figures)) for name, figures in groups]
    yield Family(
        "banksim_callback_overdue_seconds",
        "gauge",
        "How long the oldest waiting callback is overdue; 0 on a manual clock.",
        tuple(("", (("sandbox", name),), seconds) for name, seconds in overdue),
    )
    yield timed("callback_answer_seconds", "From sending a callback to its answer.", lambda each: each.times.answered)
    yield timed("callback_told_seconds", "From settlement to acknowledgement.", lambda each: each.times.told)
    yield counted("faults_spent_total", "counter", "Faults that struck, by kind.", _faults)
    yield counted("exchanges_total", "counter", "HTTP exchanges in the journal.", _single(lambda t: t.totals.exchanges))
    yield counted("removed_total", "counter", "What was removed for its age (--keep), by what it was.", _removed)
    yield _one("store_size_bytes", "The store on the disk.", server.size.size_bytes)
    yield _one("store_free_bytes", "Of it, free to be used again.", server.size.free_bytes)


def _of_process(server: Server) -> Iterable[Family]:
    known = (("version", server.version), ("python", server.python))
    yield Family("banksim_build_info", "gauge", "What is running; always 1.", (("", known, 1),))
    process = server.process
    for name, kind, told, value in (
        ("cpu_seconds_total", "counter", "CPU of this process.", process.cpu_s),
        ("resident_memory_bytes", "gauge", "Memory of this process.", process.resident_bytes),
        ("virtual_memory_bytes", "gauge", "Addresses of this process.", process.virtual_bytes),
        ("start_time_seconds", "gauge", "When this process began, since 1970.", server.started_at.timestamp()),
        ("open_fds", "gauge", "Open files of this process.", process.open_files),
        ("max_fds", "gauge", "How many it may open.", process.open_files_max),
    ):
        yield Family(f"process_{name}", kind, told, () if value is None else (("", (), value),))


def _one(name: str, told: str, value: float) -> Family:
    return Family(f"banksim_{name}", "gauge", told, (("", (), value),))


def _single(count: Callable[[Figures], int]) -> Callable[[Figures], Mapping[Labels, int]]:
    return lambda each: {(): count(each)}


def _banks(each: Figures) -> Mapping[Labels, int]:
    return {
        (("bank", bank), ("state", state)): amount
        for bank, states in each.totals.payments_by_bank.items()
        for state, amount in states.items()
    }


def _callbacks(each: Figures) -> Mapping[Labels, int]:
    return {(("state", state),): amount for state, amount in each.totals.deliveries_by_state.items()}


def _faults(each: Figures) -> Mapping[Labels, int]:
    return {(("kind", kind),): amount for kind, amount in each.totals.faults_spent.items()}


def _removed(each: Figures) -> Mapping[Labels, int]:
    totals = each.totals
    gone = {
        "payments": totals.payments_removed,
        "exchanges": totals.exchanges_removed,
        "letters": totals.letters_removed,
    }
    return {(("what", what),): amount for what, amount in gone.items()}


def _overdue_s(each: Figures, now: datetime) -> float:
    if each.manual or each.due_at is None:
        return 0.0
    return max(0.0, (now - each.due_at).total_seconds())


def _histogram(labels: Labels, times: Mapping[int, int]) -> list[Sample]:
    """`times` by milliseconds."""
    if not times:
        return []
    whole = sum(times.values())
    below = [(f"{limit:g}", sum(n for ms, n in times.items() if ms <= limit * 1000)) for limit in BUCKETS_S]
    buckets: list[Sample] = [("_bucket", (*labels, ("le", le)), n) for le, n in (*below, ("+Inf", whole))]
    seconds = sum(ms * n for ms, n in times.items()) / 1000
    return [*buckets, ("_sum", labels, seconds), ("_count", labels, whole)]
