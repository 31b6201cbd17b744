"""What a test payer pays with: accounts and cards, and the banks that issued them, as the fixtures have them."""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files

import msgspec

from simulator.cards import CardScheme, masked, scheme_of
from simulator.payment import Outcome


class DecidedAt(StrEnum):
    LOGIN = "login"
    OTP = "otp"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A test payer's account: `outcome` is how its payments end, `decided_at` when the bank says so."""

    username: str
    password: str
    otp: str
    holder: str
    number: str
    outcome: Outcome
    decided_at: DecidedAt


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A published sandbox card. `date` is MM/YY: issue of a domestic card, expiry of an international one."""

    number: str
    holder: str
    date: str
    otp: str
    outcome: Outcome
    decided_at: DecidedAt
    source: str


class Issuer(msgspec.Struct, frozen=True, kw_only=True):
    """A payer's bank. `bin` stands in card numbers and QR codes."""

    code: str
    name: str
    bin: str
    popular: bool
    online: bool


@cache
def accounts() -> Mapping[str, Account]:
    """By username."""
    return {account.username: account for account in msgspec.convert(_rows("accounts"), tuple[Account, ...])}


@cache
def cards() -> Mapping[str, Card]:
    """By the whole number."""
    return {card.number: card for card in msgspec.convert(_rows("cards"), tuple[Card, ...])}


@cache
def issuers() -> Mapping[str, Issuer]:
    """The banks where a payer can log in to pay, by code; the popular ones first."""
    listed = [issuer for issuer in msgspec.convert(_rows("banks"), tuple[Issuer, ...]) if issuer.online]
    return {issuer.code: issuer for issuer in sorted(listed, key=lambda issuer: (not issuer.popular, issuer.name))}


def issuer_of(pan: str) -> str:
    """The code of the bank that issued a domestic card, or an international scheme's name ("VISA")."""
    scheme = scheme_of(pan)
    if scheme is CardScheme.NAPAS:
        return next((issuer.code for issuer in issuers().values() if pan.startswith(issuer.bin)), "NAPAS")
    return scheme.upper() if scheme else ""


def means_of(payer_account: str) -> Account | Card | None:
    """The account or card that a payment is paid from."""
    for account in accounts().values():
        if account.number == payer_account:
            return account
    return next((card for card in cards().values() if masked(card.number) == payer_account), None)


def account_with_money() -> Account | None:
    """The first test account whose payments succeed."""
    return next((account for account in accounts().values() if account.outcome is Outcome.SUCCESS), None)


def _rows(name: str) -> object:
    """The one list in that file."""
    (rows,) = tomllib.loads(files("fixtures").joinpath(f"{name}.toml").read_text("utf-8")).values()
    return rows
