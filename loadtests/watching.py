"""While payers are on their way: a line now and then, and the books compared as often as the scenario wants.

Rule: only what had time to settle is compared, and each dossier once; the audit afterwards compares all of them again.
"""

import subprocess
import time

from loadtests.audit import Audit
from loadtests.finding import compare
from loadtests.judging import RIGHT, Fate
from loadtests.record import Interim, Record
from loadtests.scenario import Scenario
from loadtests.stage import Stage
from loadtests.wording import FATES

TELL_EVERY_S = 5.0
UNDER_WAY = RIGHT | {Fate.STUCK}
"""What is no fault yet: the bank may still be telling."""


def watch(scenario: Scenario, stage: Stage, process: subprocess.Popen[bytes]) -> None:
    """Until Locust ends."""
    compared, since = 0.0, 0.0
    with Record(stage.plan.record) as record:
        while not _ended(process):
            began = record.figures().get("began")
            if began is None:
                continue
            compared = compared or began
            _tell(record, began)
            if scenario.audits_every_s and time.time() - compared >= scenario.audits_every_s:
                compared, until = time.time(), time.time() - stage.plan.patience_s
                _note(record, began, compare(stage, record, since, until))
                since = until


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(TELL_EVERY_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def _tell(record: Record, began: float) -> None:
    ended, paid, seen = record.progress()
    at = time.time() - began
    print(f"   {at:5.0f} s: {ended} ended, {paid} of them paid, {seen} dossiers seen paid", flush=True)


def _note(record: Record, began: float, books: Audit) -> None:
    wrong = {fate: books.total(fate).dossiers for fate in Fate if fate not in UNDER_WAY}
    said = ", ".join(f"{count} {FATES[fate][1]}" for fate, count in wrong.items() if count)
    at = time.time()
    record.add_interim(Interim(at, books.total().dossiers, sum(wrong.values()), said))
    print(f"   {at - began:5.0f} s: {books.total().dossiers} dossiers compared: {said or 'all right'}", flush=True)
