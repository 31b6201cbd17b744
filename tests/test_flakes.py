"""The soak: styles and banks in turn, and what is not the same in every run, or not right in one, is told."""

from pathlib import Path

import pytest

from conformance.flakes import Turn, as_table, oddities, turns
from conformance.loading import load_target
from conformance.results import Finding, Results, TargetView, Verdict
from conformance.styles import STYLES
from conformance.targets.portal.banks import counterparts

PLAIN, NODE = "listens and asks", "in Node, on the banks' own clients"


def results(*verdicts: Verdict, stopped: str = "") -> Results:
    """One finding a verdict, of MONEY-01, MONEY-02, ..."""
    return Results(
        seed="1",
        started_at="2026-01-05T02:00:00Z",
        took_s=1.0,
        versions={},
        target=TargetView(name="portal", source="", banks={"vnpay": ("redirect",)}, capabilities=()),
        requirements=(),
        findings=tuple(
            Finding(
                requirement_id=f"MONEY-{number:02}",
                bank="vnpay",
                method="redirect",
                verdict=verdict,
                sentence="the dossier is paid" if verdict is Verdict.FAILED else "",
            )
            for number, verdict in enumerate(verdicts, 1)
        ),
        stopped=stopped,
    )


def turn(seed: str, style: str = PLAIN) -> Turn:
    return Turn(style, "vnpay", seed)


def test_styles_and_their_banks_take_turns_and_no_seed_comes_twice() -> None:
    chosen = turns(6, 10, [PLAIN, NODE], [])
    assert [each.style for each in chosen] == [PLAIN, NODE] * 3
    assert [each.bank for each in chosen if each.style == NODE] == ["vnpay", "payos", "vietinbank"]
    assert [each.seed for each in chosen] == ["10", "11", "12", "13", "14", "15"]


def test_a_style_without_the_banks_that_are_wanted_has_no_turn() -> None:
    assert {each.style for each in turns(4, 1, [PLAIN, NODE], ["bidv"])} == {PLAIN}
    assert turns(4, 1, [NODE], ["bidv"]) == []


def test_the_same_verdict_in_every_run_is_not_odd() -> None:
    same = results(Verdict.PASSED, Verdict.NOT_APPLICABLE)
    assert oddities([(turn("1"), same), (turn("2"), same)]) == []


def test_a_verdict_that_changes_is_odd_with_the_seeds_that_show_it() -> None:
    found = [(turn("1"), results(Verdict.PASSED)), (turn("2"), results(Verdict.NOT_APPLICABLE))]
    [odd] = oddities(found)
    assert (odd.requirement_id, dict(odd.seeds)) == ("MONEY-01", {"passed": ["1"], "not_applicable": ["2"]})
    assert "not_applicable (seeds 2)" in as_table([odd])


def test_verdicts_of_two_styles_may_differ() -> None:
    assert oddities([(turn("1"), results(Verdict.PASSED)), (turn("2", NODE), results(Verdict.NOT_APPLICABLE))]) == []


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.BROKEN])
def test_a_wrong_verdict_is_odd_even_if_it_is_always_the_same(verdict: Verdict) -> None:
    assert [each.requirement_id for each in oddities([(turn("1"), results(verdict))])] == ["MONEY-01"]


def test_a_run_that_stopped_is_odd() -> None:
    [odd] = oddities([(turn("7"), results(stopped="the connector died"))])
    assert "the connector died (seeds 7)" in as_table([odd])


@pytest.mark.parametrize("name", STYLES)
def test_a_style_is_a_target_that_can_be_read(name: str, tmp_path: Path) -> None:
    style = STYLES[name]
    target = load_target(str(style.target_in(tmp_path)), style.launch)
    assert set(style.banks) <= set(target.banks)


def test_who_only_asks_takes_no_callback_of_any_bank_that_can_be_asked(tmp_path: Path) -> None:
    style = STYLES["only asks"]
    target = load_target(str(style.target_in(tmp_path)))
    assert set(style.banks) == {each.bank for each in counterparts().values() if each.ask is not None}
    assert {bank: target.callback_url(bank) for bank in style.banks} == dict.fromkeys(style.banks, "")
