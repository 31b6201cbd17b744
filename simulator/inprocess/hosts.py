"""The banks' real addresses, and which of the simulator's paths stands in for each. Pure, but for reading the list."""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from urllib.parse import urlsplit

import msgspec

from simulator.banks import dialects
from simulator.dialect import places_of


class Host(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`url` is where a bank's addresses begin; its scheme is not looked at. `below` stands before the rest."""

    url: str
    banks: tuple[str, ...]
    below: str = ""
    source: str = ""


class UnknownBank(ValueError):
    """An address was given for a bank that is not simulated."""


@cache
def known_hosts() -> tuple[Host, ...]:
    """Those that sources name, from fixtures/hosts.toml. Raises ValueError for a file in another form."""
    text = files("fixtures").joinpath("hosts.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text)["host"], tuple[Host, ...])


def hosts_with(given: Mapping[str, str]) -> tuple[Host, ...]:
    """The user's own first, {"https://api.bank.example/base": "vietinbank_dn"}, then the known ones.

    Raises UnknownBank.
    """
    for url, bank in given.items():
        if bank not in dialects():
            raise UnknownBank(f"{url}: there is no bank {bank!r}; there are {', '.join(dialects())}")
    return (*(Host(url=_absolute(url), banks=(bank,)) for url, bank in given.items()), *known_hosts())


def stand_in(hosts: Iterable[Host], method: str, url: str, merchant_codes: Mapping[str, Iterable[str]]) -> str | None:
    """The simulator's path and query for a bank's real address; None = no bank is known there.

    `merchant_codes` are, by bank, those that stand in the request: they decide where several banks share an address.
    """
    candidates = [found for host in hosts for found in _candidates(host, url)]
    exact = [(bank, path) for bank, path in candidates if _serves(bank, method, path.partition("?")[0])]
    fitting = exact or candidates
    if not fitting:
        return None
    bank, path = max(fitting, key=lambda each: max(map(len, merchant_codes.get(each[0], ())), default=0))
    return f"/{bank}{path}"


def _candidates(host: Host, url: str) -> list[tuple[str, str]]:
    base, asked = urlsplit(host.url), urlsplit(url)
    if base.hostname != asked.hostname or (base.port is not None and base.port != asked.port):
        return []
    prefix = base.path.rstrip("/")
    if asked.path != prefix and not asked.path.startswith(f"{prefix}/"):
        return []
    query = f"?{asked.query}" if asked.query else ""
    return [(bank, f"{host.below}{asked.path[len(prefix) :] or '/'}{query}") for bank in host.banks]


def _serves(bank: str, method: str, path: str) -> bool:
    return any(each.method == method and places_of(each.path, path) is not None for each in dialects()[bank].endpoints)


def _absolute(url: str) -> str:
    return url if "://" in url else f"https://{url}"
