"""Runs the suite again and again, with another seed each time, against every correct style, and tells what differs.

`python -m conformance.flakes --runs 100` takes the styles in turn, and each style's banks in turn. A requirement that a
correct connector fails is a false alarm; one that has two verdicts at one style and bank is a flake: both are listed
with the seed that shows it, and the exit code is 1.
"""

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from conformance.kill_matrix import check
from conformance.results import Finding, Results, Verdict
from conformance.styles import STYLES

WRONG = (Verdict.FAILED, Verdict.BROKEN)


@dataclass(frozen=True, slots=True)
class Turn:
    """One run of the suite: one style at one bank."""

    style: str
    bank: str
    seed: str


@dataclass(frozen=True, slots=True)
class Oddity:
    """A requirement with a wrong verdict, or with several, at one style; `seeds` by what was found."""

    style: str
    case: str
    requirement_id: str
    seeds: Mapping[str, Sequence[str]]


def turns(runs: int, first_seed: int, styles: Sequence[str], banks: Sequence[str]) -> list[Turn]:
    """`runs` turns: the styles one after another, and at its next turn each style's next bank."""
    wanted = {style: [each for each in STYLES[style].banks if not banks or each in banks] for style in styles}
    places = {style: cycle(at) for style, at in wanted.items() if at}
    if not places:
        return []
    seeds = iter(range(first_seed, first_seed + runs))
    return [Turn(style, next(places[style]), str(next(seeds))) for style in islice(cycle(places), runs)]


def take(turn: Turn, words: Sequence[str] = ()) -> Results:
    """The shipped command, once. Raises RuntimeError if it left no results."""
    style = STYLES[turn.style]
    with tempfile.TemporaryDirectory(prefix="flakes-") as folder:
        target = style.target_in(Path(folder))
        asked = (f"--bank={turn.bank}", f"--seed={turn.seed}", *style.words, *words)
        return check(Path(folder) / "report", *asked, target=target, methods=())


def oddities(found: Iterable[tuple[Turn, Results]]) -> list[Oddity]:
    """What a correct connector does not keep, and what is not the same in every run of a style."""
    seen: dict[tuple[str, str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for turn, results in found:
        if results.stopped:
            seen[turn.style, turn.bank, "the run"][f"stopped: {results.stopped}"].append(turn.seed)
        for finding in results.findings:
            seen[turn.style, finding.case, finding.requirement_id][_outcome(finding)].append(turn.seed)
    return [Oddity(*key, seeds) for key, seeds in sorted(seen.items()) if _is_odd(seeds)]


def as_table(found: Sequence[Oddity]) -> str:
    """One line an outcome, with the seeds that show it."""
    rows = [
        f"{each.requirement_id:20} {each.case:28} {outcome} (seeds {', '.join(seeds[:5])}"
        f"{f' and {len(seeds) - 5} more' if len(seeds) > 5 else ''}) [{each.style}]"
        for each in found
        for outcome, seeds in each.seeds.items()
    ]
    return "\n".join(rows)


def _outcome(finding: Finding) -> str:
    """The verdict; with what did not hold, when it is a wrong one."""
    if finding.verdict not in WRONG:
        return finding.verdict
    return f"{finding.verdict}: {finding.sentence} (expected {finding.expected}; found {finding.actual[:300]})"


def _is_odd(seeds: Mapping[str, Sequence[str]]) -> bool:
    return len(seeds) > 1 or not set(seeds) <= {Verdict.PASSED, Verdict.NOT_APPLICABLE}


def _taken(chosen: Sequence[Turn], at_once: int, words: Sequence[str]) -> Iterator[tuple[Turn, Results]]:
    """Each is told as it ends."""
    with ThreadPoolExecutor(max_workers=at_once) as runners:
        ended = zip(chosen, runners.map(lambda turn: take(turn, words), chosen), strict=True)
        for done, (turn, results) in enumerate(ended, 1):
            wrong = [each.requirement_id for each in results.findings if each.verdict in WRONG]
            told = ", ".join(wrong) or results.stopped.partition("\n")[0] or "conformant"
            print(f"[{done}/{len(chosen)}] seed {turn.seed}, {turn.bank}, {turn.style}: {told}", flush=True)
            yield turn, results


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m conformance.flakes", description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--style", action="append", choices=[*STYLES], default=[], help="repeatable; default: all")
    parser.add_argument("--bank", action="append", default=[], help="repeatable; default: all of the style's")
    parser.add_argument("--requirement", action="append", default=[], metavar="ID", help="repeatable; default: all")
    parser.add_argument("--at-once", type=int, default=2, help="how many runs at a time (default: 2)")
    given = parser.parse_args()
    chosen = turns(given.runs, given.first_seed, given.style or [*STYLES], given.bank)
    words = [f"--requirement={each}" for each in given.requirement]
    odd = oddities(_taken(chosen, given.at_once, words))
    print(as_table(odd) or f"{len(chosen)} runs, each requirement with one verdict at each style and bank")
    sys.exit(1 if odd or not chosen else 0)


if __name__ == "__main__":
    main()
