"""Requirements as values: what may be declared, and ids that are given once."""

import json
import sys
from pathlib import Path

import pytest

from conformance.requirement import (
    Area,
    BadRequirement,
    Capability,
    Failure,
    Level,
    Requirement,
    as_text,
    catalogue,
    expect,
    requirement,
)

ROOT = Path(__file__).resolve().parent.parent
TEXTS = {"source": "house", "says": "The connector keeps it.", "vi": "Giữ.", "why": "Lost.", "why_vi": "Mất."}


def _declare(id: str = "MONEY-01", **changes: object) -> Requirement:
    @requirement(id, level=Level.MUST, **{**TEXTS, **changes})  # type: ignore[arg-type]
    def ask() -> None:
        """Asks nothing."""

    return ask.requirement  # type: ignore[attr-defined,no-any-return]


def _declared_ids() -> list[str]:
    return [line.split()[0] for line in _id_lines()]


def _id_lines() -> list[str]:
    text = (ROOT / "conformance" / "requirement_ids.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def test_a_requirement_stands_on_the_function_that_asks_for_it() -> None:
    found = _declare(needs=("refund",), shapes=("bill",), banks=("vietinbank",), guards=("egov D1",))
    assert found.area is Area.MONEY
    assert found.number == 1
    assert found.needs == (Capability.REFUND,)
    assert (found.says, found.says_vi) == ("The connector keeps it.", "Giữ.")


@pytest.mark.parametrize("id", ["MONEY", "MONEY-1", "MONEY-", "money-01", "CHEESE-01", "MONEY-01b", "-01", ""])
def test_an_id_is_an_area_and_two_digits(id: str) -> None:
    with pytest.raises(BadRequirement, match="is no requirement id"):
        _declare(id)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"needs": ("teleport",)}, "MONEY-01 needs .*teleport"),
        ({"shapes": ("circle",)}, "MONEY-01 names shapes .*circle"),
        ({"why_vi": " "}, "MONEY-01 says nothing in why_vi"),
        ({"source": ""}, "MONEY-01 says nothing in source"),
    ],
)
def test_a_requirement_declared_wrongly_says_how(changes: dict[str, object], message: str) -> None:
    with pytest.raises(BadRequirement, match=message):
        _declare(**changes)


def test_expect_raises_what_must_hold_with_expected_and_found() -> None:
    expect(True, "two is two")
    with pytest.raises(Failure, match="paid once") as failure:
        expect(0, "the dossier is paid once", expected=1, actual={"receipts": 2})
    assert failure.value.expected == "1"
    assert failure.value.actual == '{"receipts": 2}'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("đã nộp", "đã nộp"),
        (b"\xff\x00ok", "\\xff\x00ok"),
        ("half \ud800 pair", "half \\ud800 pair"),
        (["đ", 1], '["đ", 1]'),
        (Level.MUST, "MUST"),
    ],
)
def test_any_value_can_stand_in_a_report(value: object, text: str) -> None:
    assert as_text(value) == text
    json.dumps(as_text(value)).encode("utf-8")


def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, **modules: str) -> str:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    head = (
        "from conformance.requirement import Level, requirement\n"
        "def asked(id): return requirement(id, level=Level.MUST, source='s', says='a', vi='b', why='c', why_vi='d')\n"
    )
    for module, body in modules.items():
        (folder / f"{module}.py").write_text(head + body)
    monkeypatch.syspath_prepend(str(tmp_path))
    for loaded in [each for each in sys.modules if each.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, loaded)
    return name


def test_the_catalogue_is_ordered_by_area_then_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = _package(
        tmp_path,
        monkeypatch,
        "small_suite",
        test_a="@asked('MONEY-10')\ndef test_x(): ...\n@asked('MONEY-02')\ndef test_y(): ...\n",
        test_b="@asked('ORDER-01')\ndef test_z(): ...\n",
        helper="@asked('PRIVACY-01')\ndef test_no(): ...\n",
    )
    assert [each.id for each in catalogue(package)] == ["ORDER-01", "MONEY-02", "MONEY-10"]


def test_an_id_used_twice_is_an_error_that_names_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "@asked('ORDER-01')\ndef test_z(): ...\n"
    package = _package(tmp_path, monkeypatch, "double_suite", test_a=body, test_b=body)
    with pytest.raises(BadRequirement, match=r"ORDER-01 .*test_a\.test_z.*test_b\.test_z"):
        catalogue(package)


def test_every_id_of_the_suite_was_given_in_the_list_of_ids() -> None:
    missing = sorted({each.id for each in catalogue()} - set(_declared_ids()))
    assert not missing, f"add to conformance/requirement_ids.txt: {missing}"


def test_an_id_in_the_list_is_used_or_retired_with_a_reason() -> None:
    used = {each.id for each in catalogue()}
    for line in _id_lines():
        id, _, rest = line.partition(" ")
        retired = rest.strip().startswith("retired")
        assert retired != (id in used), f"{id}: either the suite asks it, or it is marked retired"
        assert not retired or len(rest.split()) > 1, f"{id}: say why it was retired"


def test_no_id_stands_in_the_list_twice() -> None:
    ids = _declared_ids()
    assert len(ids) == len(set(ids))
