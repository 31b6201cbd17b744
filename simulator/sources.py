"""Where each protocol's facts come from and how far they are trusted, read from fixtures/sources/."""

import tomllib
from enum import StrEnum
from functools import cache
from importlib.resources import files

import msgspec

from simulator.dialect import Dialect


class Confidence(StrEnum):
    DOCUMENTED = "documented"
    """The bank's, the gateway's or the law's own text."""
    PUBLIC_CODE = "public code"
    """Read in published code that talks to the real thing."""
    ASSUMPTION = "assumption"
    """This project's own design."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    where: str
    confidence: Confidence


@cache
def sources() -> dict[str, Source]:
    """By key. Raises ValueError for a file in another form."""
    folder = files("fixtures").joinpath("sources")
    texts = [each.read_text("utf-8") for each in folder.iterdir() if each.name.endswith(".toml")]
    return msgspec.convert({key: row for text in texts for key, row in tomllib.loads(text).items()}, dict[str, Source])


def parts(dialect: Dialect) -> dict[Confidence, tuple[str, ...]]:
    """How sure each part of a bank is: the keys of its sources by what they are, and the parts that are assumed."""
    by_key = sources()
    return {
        confidence: (
            *(key for key in dialect.sources if by_key[key].confidence is confidence),
            *(_part(dialect, each.key) for each in dialect.assumptions if confidence is Confidence.ASSUMPTION),
        )
        for confidence in Confidence
    }


def _part(dialect: Dialect, key: str) -> str:
    return key.removeprefix(f"{dialect.code}.")
