"""`banksim catalogue`: every requirement that a connector is asked, as a table or as JSON."""

import argparse
import json
import textwrap
from dataclasses import asdict
from itertools import groupby

from conformance.requirement import Requirement, catalogue
from conformance.wording import AREAS

SUMMARY = "list what a payment connector must keep"

ID_WIDTH = 20
WIDTH = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="all that is declared, for machines")
    parser.add_argument("--lang", choices=("en", "vi"), default="en", help="default: en")
    parser.add_argument("--why", action="store_true", help="say also what is lost when it is not kept")


def run(args: argparse.Namespace) -> int:
    found = catalogue()
    print(as_json(found) if args.json else as_text(found, args.lang, args.why))
    return 0


def as_json(found: tuple[Requirement, ...]) -> str:
    return json.dumps([{"area": each.area, **asdict(each)} for each in found], ensure_ascii=False, indent=2)


def as_text(found: tuple[Requirement, ...], lang: str = "en", why: bool = False) -> str:
    """One paragraph a requirement, under its area."""
    language = ("vi", "en").index(lang)
    lines: list[str] = []
    for area, requirements in groupby(found, key=lambda each: each.area):
        lines += ["", AREAS[area][language]]
        for each in requirements:
            lines += _paragraph(f"{each.id:<{ID_WIDTH}} {each.level}: {(each.says_vi, each.says)[language]}")
            if why:
                lines += _paragraph(f"{'':<{ID_WIDTH}} {(each.why_vi, each.why)[language]}")
    return "\n".join([*lines, "", f"{len(found)} requirements"])


def _paragraph(text: str) -> list[str]:
    hanging = " " * (ID_WIDTH + 3)
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent=hanging, drop_whitespace=True)
