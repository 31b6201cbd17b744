"""Facts about objectives: what a file may ask, what is asked without one, and when an objective is held."""

from pathlib import Path

import pytest

from loadtests.audit import Audit, Count
from loadtests.judging import RIGHT, Fate
from loadtests.slo import BadSlo, Measured, Objective, Slo, objectives, read_slo

MEASURED = Measured(times={"open": {"p50": 20.0, "p95": 90.0, "p99": 400.0, "max": 900.0}}, error_share=0.02)


def books(**fates: int) -> Audit:
    return Audit(counts={("vnpay", Fate(fate)): Count(count) for fate, count in fates.items()})


def asked(tmp_path: Path, text: str) -> Slo:
    (tmp_path / "slo.toml").write_text(text, encoding="utf-8")
    return read_slo(tmp_path / "slo.toml")


def told(found: list[Objective]) -> dict[str, bool]:
    return {each.name: each.held for each in found}


def test_without_a_file_no_dossier_may_come_to_a_wrong_fate() -> None:
    clean = told(objectives(Slo(), MEASURED, books(settled_once=5, not_paid=1, refund_due=1)))
    assert set(clean) == {fate.value for fate in Fate if fate not in RIGHT}
    assert all(clean.values())
    broken = told(objectives(Slo(), MEASURED, books(settled_once=5, lost=1)))
    assert [name for name, held in broken.items() if not held] == ["lost"]


def test_a_file_asks_for_times_errors_and_money(tmp_path: Path) -> None:
    slo = asked(
        tmp_path,
        "[response]\nopen = { p95 = 100, p99 = 300 }\n[money]\nstuck = 2\n[errors]\nshare = 0.01\n",
    )
    found = told(objectives(slo, MEASURED, books(settled_once=1, stuck=2)))
    assert (found["open p95"], found["open p99"], found["stuck"], found["errors"]) == (True, False, True, False)


def test_what_was_never_measured_is_not_held(tmp_path: Path) -> None:
    slo = asked(tmp_path, "[response]\npaid = { p95 = 100 }\n")
    assert told(objectives(slo, MEASURED, books()))["paid p95"] is False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[responses]\n", "responses"),
        ("[response]\nopen = { p96 = 1 }\n", "p96"),
        ("[money]\ngone = 1\n", "gone"),
        ("[response\n", "slo.toml"),
    ],
)
def test_a_file_that_asks_for_nonsense_is_refused_with_the_word(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadSlo, match=said):
        asked(tmp_path, text)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadSlo, match="cannot be read"):
        read_slo(tmp_path / "none.toml")
