"""Which requirement catches which defect of the sample portal: measured by the shipped command, kept as a table.

`python -m conformance.kill_matrix` measures every defect (an hour) and writes table and document; with names, only
those. `--bank` narrows it to a bank, and `--requirement ID` asks only those requirements (both repeatable): the rest
of a row stays.
`--document` measures nothing. Each row is merged into the table as soon as it is measured, so several may measure at
once.
"""

import argparse
import fcntl
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from conformance.detection import BY_CHANCE, as_markdown
from conformance.loading import load_target
from conformance.requirement import Area, catalogue
from conformance.results import Results, Verdict, decode
from conformance.targets.portal.defects import DEFECTS, Defect

HERE = Path(__file__).parent
TABLE = HERE / "defects_expected.toml"
DOCUMENT = HERE / "DETECTION.md"
PORTAL = HERE / "targets" / "portal.toml"

SEED = "1"
METHODS = ("redirect", "bill")
"""Those of the banks with all defects; what is asked of further methods says nothing more about a defect."""

SURE = {
    "order_ref_by_second": frozenset({"ORDER-02"}),
    "day_without_cut_off": frozenset({"RECONCILIATION-12"}),
    "start_clears_pending": frozenset({"RESILIENCE-05", "RESILIENCE-06", "RESILIENCE-16", "RESILIENCE-17"}),
    "notice_kept_in_memory": frozenset({"RESILIENCE-04", "NOTICE-03"}),
    "notice_numbered_anew": frozenset({"NOTICE-04"}),
    "gateway_down_fails_callback": frozenset({"RESILIENCE-07", "NOTICE-03"}),
    "leading_zero_dropped": frozenset({"SIGNATURE-16"}),
}
"""Defects that show by the machine's time or by chance: whenever two orders fall into one second, a run into the hours
after the cut-off, a signature begins with zero, a portal is killed a moment too early. Only what surely catches them
is kept; others may fail as well."""

Caught = Mapping[str, Mapping[str, list[str]]]
"""Defect, bank, ids of the requirements that catch it there."""

_HEAD = """\
# Which requirements catch each defect of the sample portal, by bank: these and no others (histories aside, which
# are drawn by chance). Measured with `python -m conformance.kill_matrix`; read it before you keep it.
"""


def expected() -> Caught:
    """The table as it is kept."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def check(
    workdir: Path, *words: str, target: Path = PORTAL, methods: Sequence[str] = METHODS, jobs: int = 1
) -> Results:
    """The shipped command on the sample portal, with further words; what it found. `methods` empty = all."""
    command = [sys.executable, "-m", "simulator", "check", "--target", str(target), "--seed", SEED]
    command += ["--jobs", str(jobs), "--report-dir", str(workdir), *words]
    for method in methods:
        command += ["--method", method]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    results = workdir / "results.json"
    if not results.exists():
        raise RuntimeError(f"{' '.join(command)} left no results:\n{done.stdout}{done.stderr}")
    return decode(results.read_bytes())


def check_defect(workdir: Path, defect: Defect, banks: Sequence[str] = (), requirements: Sequence[str] = ()) -> Results:
    """A run against that defect, at the banks where it shows unless others are given, by each one's first method.
    `requirements` empty = all but those of chance, whose stories are long to shrink."""
    at = banks or defect.banks
    wanted = requirements or [each.id for each in catalogue() if each.id not in BY_CHANCE]
    asked = [f"--bank={bank}" for bank in at] + [f"--requirement={each}" for each in wanted]
    declared = load_target(str(PORTAL)).banks
    methods = sorted({declared[bank].methods[0] for bank in at})
    return check(workdir, "--launch-arg=--defect", f"--launch-arg={defect.name}", *asked, methods=methods)


def caught(results: Results, bank: str, sure: frozenset[str] = frozenset()) -> list[str]:
    """The requirements that failed at that bank, without those of chance; with `sure`, only those of them.

    Raises RuntimeError if the suite broke.
    """
    of_bank = [each for each in results.findings if each.bank == bank]
    broken = [f"{each.requirement_id}: {each.sentence}" for each in of_bank if each.verdict is Verdict.BROKEN]
    if results.stopped or (broken and not sure):
        raise RuntimeError(f"{bank}: {results.stopped or broken}")
    failed = {each.requirement_id for each in of_bank if each.verdict is Verdict.FAILED} - set(BY_CHANCE)
    return in_order(failed & sure if sure else failed)


def in_order(ids: Iterable[str]) -> list[str]:
    """As the catalogue has them: by area, then by number."""
    areas = [area.value for area in Area]
    return sorted(ids, key=lambda each: (areas.index(each.partition("-")[0]), int(each.partition("-")[2])))


def merged(table: Caught, name: str, row: Mapping[str, list[str]], asked: Sequence[str] = ()) -> Caught:
    """The table with what was measured of one defect at some banks; other banks keep what they have. With `asked`,
    only those requirements' share is replaced."""
    before = table.get(name, {})
    if asked:
        kept = {bank: set(before.get(bank, ())) - set(asked) for bank in row}
        row = {bank: in_order(kept[bank] | set(ids)) for bank, ids in row.items()}
    return in_order_of_defects({**table, name: _in_order_of_banks(name, {**before, **row})})


def _in_order_of_banks(name: str, row: Mapping[str, list[str]]) -> Mapping[str, list[str]]:
    """As the defect has them; those that it does not know come last."""
    known = [bank for defect in DEFECTS if defect.name == name for bank in defect.banks if bank in row]
    return {bank: row[bank] for bank in [*known, *(bank for bank in row if bank not in known)]}


def in_order_of_defects(table: Caught) -> Caught:
    """As the catalogue of defects has them. Those that it does not know come last: whoever measures for an hour has
    an old catalogue."""
    known = [each.name for each in DEFECTS if each.name in table]
    return {name: table[name] for name in [*known, *(name for name in table if name not in known)]}


def _pruned(table: Caught) -> Caught:
    """Without rows of defects and banks that are no more declared."""
    return {
        defect.name: {bank: table[defect.name][bank] for bank in defect.banks if bank in table[defect.name]}
        for defect in DEFECTS
        if defect.name in table
    }


def as_toml(table: Caught) -> str:
    lines = [_HEAD]
    for name, banks in table.items():
        lines += [f"[{name}]", *(f"{bank} = {_row(ids)}" for bank, ids in banks.items()), ""]
    return "\n".join(lines)


def _row(ids: Iterable[str]) -> str:
    """On one line if it fits, else one id a line."""
    flat = json.dumps(list(ids))
    return flat if len(flat) < 100 else "[\n" + "".join(f"    {json.dumps(each)},\n" for each in ids) + "]"


@contextmanager
def _alone() -> Iterator[None]:
    """Nobody else writes the table meanwhile."""
    with TABLE.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _write(table: Caught) -> None:
    TABLE.write_text(as_toml(table), encoding="utf-8")
    DOCUMENT.write_text(as_markdown(table), encoding="utf-8")


def _measure(defect: Defect, banks: Sequence[str], asked: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = check_defect(Path(folder), defect, banks, asked)
    sure = SURE.get(defect.name, frozenset())
    row = {bank: caught(results, bank, sure) for bank in banks}
    with _alone():
        _write(merged(expected(), defect.name, row, asked))
    print(defect.name, json.dumps(row), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m conformance.kill_matrix", description=__doc__)
    parser.add_argument("names", nargs="*", help="defects to measure (default: all)")
    parser.add_argument("--requirement", action="append", default=[], metavar="ID", help="ask only this; repeatable")
    parser.add_argument("--bank", action="append", default=[], help="measure only at this bank; repeatable")
    parser.add_argument("--document", action="store_true", help="measure nothing")
    given = parser.parse_args()
    known = {each.name for each in DEFECTS}
    unknown = sorted(set(given.names) - known)
    if unknown:
        parser.error(f"no defect is called {', '.join(unknown)}")
    if given.document:
        with _alone():
            _write(_pruned(expected()))
        return
    for defect in DEFECTS:
        banks = [bank for bank in defect.banks if not given.bank or bank in given.bank]
        if banks and (not given.names or defect.name in given.names):
            _measure(defect, banks, given.requirement)


if __name__ == "__main__":
    main()
