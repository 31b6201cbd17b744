"""Facts about README.md: what it says is generated from, or checked against, what there is."""

import re
from importlib.metadata import entry_points

from tests.readme import BLOCKS, README, written


def test_the_generated_tables_are_up_to_date() -> None:
    text = README.read_text(encoding="utf-8")
    assert all(f"<!-- {name}: " in text for name in BLOCKS)
    assert written(text) == text, "run `python -m tests.readme`"


def test_every_file_it_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8"))
    assert links
    assert not [link for link in links if not (README.parent / link).exists()]


def test_every_command_it_names_exists() -> None:
    named = set(
        re.findall(r"banksim (serve|check|catalogue|demo|banks|faults|assumptions)\b", README.read_text("utf-8"))
    )
    known = {"serve", "banks", "faults", "assumptions"} | {e.name for e in entry_points(group="banksim.commands")}
    assert named
    assert named <= known


def test_every_make_target_it_names_exists() -> None:
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"`?make ([a-z]+)`?", README.read_text(encoding="utf-8")))
    assert {"demo", "test"} <= targets
    assert not [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)]
