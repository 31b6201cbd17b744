"""The suite is tested on the sample portal with one defect each: what must catch it does, and nothing else fails.

Histories are drawn by chance, so they may catch a defect beyond what is expected of them.
"""

from pathlib import Path

import pytest

from conformance.detection import BY_CHANCE, as_markdown, guarded, numbers, unseen
from conformance.kill_matrix import (
    DOCUMENT,
    PORTAL,
    SURE,
    TABLE,
    as_toml,
    caught,
    check,
    check_defect,
    expected,
    in_order,
    merged,
)
from conformance.loading import load_target
from conformance.requirement import Level, catalogue
from conformance.results import Verdict
from conformance.styles import STYLES
from conformance.targets.portal.banks import counterparts
from conformance.targets.portal.defects import DEFECTS, Defect, DefectClass
from tests.conftest import EVERY_SUITE_TEST

EXPECTED = expected()
ASKED = {each.id: each for each in catalogue()}

each_defect = pytest.mark.parametrize("defect", DEFECTS, ids=[each.name for each in DEFECTS])

FIRST_BANKS = ("vnpay", "dvcqg", "vietinbank")


@pytest.mark.suite
@each_defect
def test_a_defect_is_caught_by_what_must_catch_it_and_by_nothing_else(defect: Defect, tmp_path: Path) -> None:
    banks = defect.banks if EVERY_SUITE_TEST else [_turn(defect)]
    results = check_defect(tmp_path, defect, banks)
    sure = SURE.get(defect.name, frozenset())
    assert {bank: caught(results, bank, sure) for bank in banks} == {
        bank: EXPECTED[defect.name][bank] for bank in banks
    }


def _turn(defect: Defect) -> str:
    """One of the banks where the defect shows; the banks take turns, so that all are seen in every run."""
    return defect.banks[DEFECTS.index(defect) % len(defect.banks)]


def test_the_sample_portal_keeps_every_requirement_at_each_bank_by_every_method(tmp_path: Path) -> None:
    results = check(tmp_path, methods=(), jobs=2)
    assert results.stopped == ""
    assert [each for each in results.findings if each.verdict in (Verdict.FAILED, Verdict.BROKEN)] == []
    declared = load_target(str(PORTAL)).banks
    assert set(declared) == set(counterparts())
    asked = {(each.bank, each.method) for each in results.findings if each.verdict is Verdict.PASSED}
    assert asked == {(bank, method) for bank, setup in declared.items() for method in setup.methods}


@pytest.mark.suite
@pytest.mark.parametrize("name", [name for name, style in STYLES.items() if style.launch or style.changes])
def test_a_correct_connector_of_any_style_keeps_every_requirement(name: str, tmp_path: Path) -> None:
    style = STYLES[name]
    others = tuple(bank for bank in style.banks if bank not in FIRST_BANKS)
    turn = others if EVERY_SUITE_TEST else others[list(STYLES).index(name) % len(others) :][:1]
    firsts = FIRST_BANKS if EVERY_SUITE_TEST else FIRST_BANKS[:1]
    banks = (*(bank for bank in firsts if bank in style.banks), *turn)
    asked = (f"--bank={bank}" for bank in banks)
    results = check(tmp_path, *style.words, *asked, target=style.target_in(tmp_path), methods=())
    assert results.stopped == ""
    assert [each for each in results.findings if each.verdict in (Verdict.FAILED, Verdict.BROKEN)] == []


@pytest.mark.suite
def test_one_seed_finds_the_same_again(tmp_path: Path) -> None:
    found = [check(folder, "--bank=dvcqg") for folder in (tmp_path / "first", tmp_path / "second")]
    verdicts = [
        [(each.requirement_id, each.case, each.verdict, each.sentence) for each in results.findings]
        for results in found
    ]
    assert verdicts[0] == verdicts[1]


QUICK = ("--requirement=SIGNATURE-01", "--requirement=MONEY-01", "--requirement=DUPLICATE-01", "--bank=vnpay")


def test_the_shipped_command_finds_a_defect_and_clears_a_correct_connector(tmp_path: Path) -> None:
    correct = check(tmp_path / "correct", *QUICK)
    assert caught(correct, "vnpay") == []
    wrong = check(tmp_path / "wrong", *QUICK, "--launch-arg=--defect", "--launch-arg=amount_not_compared")
    assert caught(wrong, "vnpay") == ["MONEY-01"]


@pytest.mark.suite
def test_a_history_finds_a_defect_and_tells_it_in_few_steps(tmp_path: Path) -> None:
    words = ("--requirement=HISTORY-01", "--bank=vietinbank", "--launch-arg=--defect")
    results = check(tmp_path, *words, "--launch-arg=bad_signature_poisons")
    (finding,) = results.findings
    assert finding.verdict is Verdict.FAILED
    assert "callback of failure signed with another key" in "\n".join(finding.story)
    assert len(finding.story) <= 8


def test_the_table_names_every_defect_and_only_requirements_that_exist() -> None:
    assert set(EXPECTED) == {each.name for each in DEFECTS}
    assert {name for row in EXPECTED.values() for ids in row.values() for name in ids} <= set(ASKED)


@each_defect
def test_a_defect_is_caught_at_every_bank_where_it_shows(defect: Defect) -> None:
    assert set(EXPECTED[defect.name]) == set(defect.banks)
    assert all(EXPECTED[defect.name].values())


@each_defect
def test_a_defect_is_caught_by_a_requirement_that_names_its_number(defect: Defect) -> None:
    caught_by = {name for ids in EXPECTED[defect.name].values() for name in ids}
    guarded = {number for name in caught_by for number in ASKED[name].guards}
    assert guarded & set(defect.guards)


def test_every_must_is_caught_by_some_defect() -> None:
    kills = {name for row in EXPECTED.values() for ids in row.values() for name in ids}
    uncaught = {each.id for each in ASKED.values() if each.level is Level.MUST} - kills
    assert uncaught == set(BY_CHANCE)


def test_each_of_more_than_twelve_classes_has_a_defect() -> None:
    assert {each.in_class for each in DEFECTS} == set(DefectClass)
    assert len(DefectClass) > 12


def test_every_numbered_defect_of_the_field_is_switchable_or_has_a_reason() -> None:
    assert set(guarded()) <= set(numbers())
    assert set(guarded()) | set(unseen()) == set(numbers())


@pytest.mark.parametrize(("number", "why"), unseen().items(), ids=list(unseen()))
def test_a_defect_that_cannot_be_seen_has_a_reason_and_no_switch(number: str, why: str) -> None:
    assert number not in guarded()
    assert why.endswith(".")


def test_what_is_asked_again_of_one_requirement_leaves_the_rest_of_the_row() -> None:
    table = {"signature_not_checked": {"vnpay": ["SIGNATURE-01", "MONEY-01"], "dvcqg": ["MONEY-02"]}}
    asked = merged(table, "signature_not_checked", {"vnpay": ["ORDER-02"]}, ["ORDER-02", "MONEY-01"])
    assert asked["signature_not_checked"] == {"vnpay": ["ORDER-02", "SIGNATURE-01"], "dvcqg": ["MONEY-02"]}
    whole = merged(table, "signature_not_checked", {"vnpay": ["ORDER-02"]})
    assert whole["signature_not_checked"] == {"vnpay": ["ORDER-02"], "dvcqg": ["MONEY-02"]}


def test_rows_that_another_has_measured_meanwhile_are_kept_though_this_catalogue_lacks_them() -> None:
    table = {"of_another": {"vnpay": ["MONEY-99"]}, "always_acked": {"vnpay": ["MONEY-07"]}}
    found = merged(table, "signature_oracle", {"vnpay": ["SIGNATURE-10"]})
    assert list(found) == ["signature_oracle", "always_acked", "of_another"]


def test_ids_stand_in_the_order_of_the_catalogue() -> None:
    assert in_order({each.id for each in catalogue()}) == [each.id for each in catalogue()]
    assert in_order(["MONEY-100", "MONEY-99", "ORDER-01"]) == ["ORDER-01", "MONEY-99", "MONEY-100"]


def test_table_and_document_are_as_the_generator_writes_them() -> None:
    assert TABLE.read_text(encoding="utf-8") == as_toml(EXPECTED)
    assert DOCUMENT.read_text(encoding="utf-8") == as_markdown(EXPECTED)
