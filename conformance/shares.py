"""One run in several processes: each asks its share of the banks, of a connector of its own; the findings are put
together as if one had asked them all.

Rule: which bank is asked by which process changes no finding; every requirement draws its chance from the seed alone.
"""

from collections.abc import Collection, Iterable, Sequence

from msgspec.structs import replace

from conformance.results import Finding, Results
from conformance.target import Target

ONE_CORE = 1


def shares(target: Target, banks: Collection[str], methods: Collection[str], count: int) -> tuple[tuple[str, ...], ...]:
    """The banks that are asked (empty `banks`, `methods` = all), in at most `count` parts of about the same work.

    A connector that cannot be started several times side by side is asked by one process.
    """
    work = {
        bank: sum(not methods or method in methods for method in setup.methods)
        for bank, setup in target.banks.items()
        if not banks or bank in banks
    }
    asked = [bank for bank in work if work[bank]]
    wanted = count if getattr(target, "starts_side_by_side", False) else 1
    parts: list[list[str]] = [[] for _ in range(max(1, min(wanted, len(asked))))]
    for bank in sorted(asked, key=lambda each: -work[each]):
        min(parts, key=lambda part: sum(work[each] for each in part)).append(bank)
    order = list(target.banks)
    return tuple(tuple(sorted(part, key=order.index)) for part in parts)


def together(parts: Sequence[Results], partly: bool) -> Results:
    """One result of several. The first part's seed, versions and target are everybody's."""
    first = parts[0]
    asked = {each.id: each for part in parts for each in part.requirements}
    stops = dict.fromkeys(part.stopped for part in parts if part.stopped)
    return replace(
        first,
        started_at=min(part.started_at for part in parts),
        took_s=max(part.took_s for part in parts),
        requirements=tuple(asked.values()),
        findings=_in_order((finding for part in parts for finding in part.findings), tuple(asked), first),
        partly=partly,
        stopped="\n".join(stops),
    )


def _in_order(findings: Iterable[Finding], requirements: Sequence[str], results: Results) -> tuple[Finding, ...]:
    """By requirement as they were asked, then by bank and method as the target has them."""
    rows = {requirement: number for number, requirement in enumerate(requirements)}
    cases = [(bank, method) for bank, methods in results.target.banks.items() for method in methods]
    columns = {case: number for number, case in enumerate(cases)}
    return tuple(sorted(findings, key=lambda each: (rows[each.requirement_id], columns[each.bank, each.method])))
