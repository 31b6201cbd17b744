"""The second sample portal, in Node on the npm clients `vnpay` and `@payos/node`: the suite clears and catches it.

It shares no line with the first one, so a requirement that only fits the first one's habits shows here.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conformance.kill_matrix import caught, check
from conformance.loading import load_target
from conformance.results import Verdict
from conformance.styles import NODE, STYLES
from tests.npm import installed, missing
from tests.sources import SOURCES

pytestmark = pytest.mark.node

ROOT = Path(__file__).parents[1]
HERE = ROOT / "conformance/targets/node"
PLAIN, BLIND = [name for name, style in STYLES.items() if style.target == NODE]

QUICK = ("--requirement=SIGNATURE-01", "--requirement=MONEY-01", "--requirement=DUPLICATE-01")


@pytest.fixture(scope="session", autouse=True)
def packages() -> None:
    if missing():
        pytest.skip(f"NOT JUDGED: {missing()} not installed, so no connector of another language met the suite")
    installed(HERE)


def test_the_lock_file_pins_the_clients_and_names_no_host() -> None:
    text = (HERE / "package-lock.json").read_text(encoding="utf-8")
    assert "://" not in text
    packages = json.loads(text)["packages"]
    assert packages["node_modules/vnpay"]["version"] == "2.5.0"
    assert packages["node_modules/@payos/node"]["version"] == "2.0.5"
    assert all("integrity" in package for name, package in packages.items() if name)


def _judged(name: str, bank: str, tmp_path: Path) -> None:
    style = STYLES[name]
    target = style.target_in(tmp_path)
    results = check(tmp_path, f"--bank={bank}", *style.words, target=target, methods=())
    assert results.stopped == ""
    assert [each for each in results.findings if each.verdict in (Verdict.FAILED, Verdict.BROKEN)] == []
    asked = {each.case for each in results.findings if each.verdict is Verdict.PASSED}
    assert asked == {f"{bank} / {method}" for method in load_target(str(target)).banks[bank].methods}


def test_the_node_portal_keeps_every_requirement_at_vnpay(tmp_path: Path) -> None:
    _judged(PLAIN, "vnpay", tmp_path)


@pytest.mark.suite
@pytest.mark.parametrize(
    ("name", "bank"),
    [(PLAIN, "payos"), (PLAIN, "vietinbank"), *((BLIND, bank) for bank in ("vnpay", "payos", "vietinbank"))],
)
def test_the_node_portal_keeps_every_requirement_at_each_bank_in_each_style(
    name: str, bank: str, tmp_path: Path
) -> None:
    _judged(name, bank, tmp_path)


@pytest.mark.parametrize(
    ("defect", "requirements"),
    [
        ("amount_not_compared", ["MONEY-01"]),
        ("signature_not_checked", ["SIGNATURE-01"]),
        ("duplicate_settles_twice", ["DUPLICATE-01"]),
    ],
)
def test_a_defect_of_the_node_portal_is_caught_and_nothing_else_fails(
    defect: str, requirements: list[str], tmp_path: Path
) -> None:
    words = (*QUICK, "--bank=vnpay", "--launch-arg=--defect", f"--launch-arg={defect}")
    assert caught(check(tmp_path, *words, target=NODE, methods=("redirect",)), "vnpay") == requirements


def test_its_books_are_whole_after_a_line_that_was_cut_off(tmp_path: Path) -> None:
    books = tmp_path / "books.jsonl"
    declared = {"type": "declared", "code": "HS-1", "fee": "50000", "payer": "", "phone": ""}
    whole = json.dumps([declared]) + "\n"
    books.write_text(whole + whole[:-20].replace("HS-1", "HS-2"), encoding="utf-8")
    script = f"""
        import {{ Journal }} from '{HERE.as_uri()}/journal.mjs';
        const journal = new Journal('{books}');
        journal.write([{{ type: 'cancelled', code: 'HS-1' }}]);
        console.log([...journal.ledger.dossiers.keys()].join());
    """
    command = [str(shutil.which("node")), "--input-type=module", "-e", script]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout == "HS-1\n"
    assert books.read_text(encoding="utf-8") == whole + '[{"type":"cancelled","code":"HS-1"}]\n'


def test_every_source_that_it_names_is_declared() -> None:
    named = {
        key
        for path in HERE.glob("*.mjs")
        for key in re.findall(r"\b((?:vnpay|payos|vietinbank)-[a-z0-9-]+)#", path.read_text(encoding="utf-8"))
    }
    assert named
    assert named <= set(SOURCES)
