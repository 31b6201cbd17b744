"""The catalogue of requirements: every one is a sentence with a source, and together they cover the ground."""

import re

import pytest

from conformance.requirement import Area, Requirement, catalogue
from tests.sources import SOURCES

EVERY = catalogue()
every_requirement = pytest.mark.parametrize("declared", EVERY, ids=[each.id for each in EVERY])

FIRST_AREAS = (
    *(Area.ORDER, Area.SIGNATURE, Area.MONEY, Area.OUTCOME, Area.DUPLICATE, Area.ORDERING),
    *(Area.RETURN, Area.ACKNOWLEDGEMENT, Area.QUERY, Area.BILL, Area.HISTORY),
)


@every_requirement
def test_a_requirement_names_a_declared_source(declared: Requirement) -> None:
    assert declared.source.partition("#")[0] in SOURCES


@every_requirement
def test_a_requirement_is_a_sentence_about_the_connector_in_two_languages(declared: Requirement) -> None:
    assert declared.says.startswith("The connector")
    assert declared.says.endswith(".")
    assert declared.says_vi.endswith(".")
    assert re.search(r"[ộệạấếốđơưả]", declared.says_vi), "Vietnamese carries its diacritics"
    assert declared.why.endswith(".")
    assert declared.why_vi.endswith(".")


@every_requirement
def test_a_requirement_guards_against_numbered_defects(declared: Requirement) -> None:
    assert declared.guards
    assert all(re.fullmatch(r"(egov D\d+|gateways D\d+b?|banks 6\.\d+)", guard) for guard in declared.guards)


@pytest.mark.parametrize("area", FIRST_AREAS)
def test_every_first_area_has_requirements(area: Area) -> None:
    assert [each for each in EVERY if each.area is area]


def test_no_two_requirements_say_the_same() -> None:
    assert len({each.says for each in EVERY}) == len({each.says_vi for each in EVERY}) == len(EVERY)
