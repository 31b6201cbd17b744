"""The merchants that a new sandbox starts with, read from fixtures/merchants/, and the keys that are not theirs."""

import tomllib
from functools import cache
from importlib.resources import files

import msgspec

from simulator.payment import Merchant

FILE = "file:"


@cache
def default_merchants() -> tuple[Merchant, ...]:
    """All of them, with the keys that "file:" values name read in. Raises ValueError for a file in another form."""
    folder = files("fixtures").joinpath("merchants")
    names = sorted(each.name for each in folder.iterdir() if each.name.endswith(".toml"))
    listed = [row for name in names for row in tomllib.loads(_fixture(f"merchants/{name}"))["merchant"]]
    merchants = msgspec.convert(listed, tuple[Merchant, ...])
    return tuple(msgspec.structs.replace(each, secrets=_resolved(each.secrets)) for each in merchants)


@cache
def impostor_key() -> str:
    """A private key (PEM) that belongs to no merchant and no bank: a forger's."""
    return _fixture("keys/impostor_private.pem")


def forged(merchant: Merchant) -> Merchant:
    """The merchant with secrets of the right form that are not its own: what a forger would sign with."""
    secrets = {name: _other_secret(value) for name, value in merchant.secrets.items()}
    return msgspec.structs.replace(merchant, secrets=secrets)


def _other_secret(value: str) -> str:
    if "PUBLIC KEY" in value:
        return value  # It signs nothing; the connector's answer is still judged by it.
    return impostor_key() if "PRIVATE KEY" in value else "forged-" + value[::-1]


def _resolved(secrets: dict[str, str]) -> dict[str, str]:
    return {
        name: _fixture(value.removeprefix(FILE)) if value.startswith(FILE) else value for name, value in secrets.items()
    }


def _fixture(path: str) -> str:
    return files("fixtures").joinpath(*path.split("/")).read_text("utf-8")
