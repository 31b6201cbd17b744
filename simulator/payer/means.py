"""What a test payer pays with: accounts and cards, and the banks that issued them, as the fixtures have them."""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files

import msgspec

from simulator.cards import CardScheme, luhn_holds, masked, scheme_of
from simulator.payment import Outcome
from simulator.purse import PLENTY_VND, Biometrics, Terms
from simulator.signing import same


class DecidedAt(StrEnum):
    LOGIN = "login"
    OTP = "otp"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A test payer's account: `outcome` is how its payments end, `decided_at` when the bank says so.

    The other fields are what it begins with in each sandbox, and what its bank allows it.
    """

    username: str
    password: str
    otp: str
    holder: str
    number: str
    outcome: Outcome
    decided_at: DecidedAt
    balance_vnd: int = PLENTY_VND
    per_transfer_vnd: int = PLENTY_VND
    daily_vnd: int = PLENTY_VND
    biometrics: Biometrics = Biometrics.REGISTERED

    @property
    def terms(self) -> Terms:
        return Terms(
            balance_vnd=self.balance_vnd,
            per_transfer_vnd=self.per_transfer_vnd,
            daily_vnd=self.daily_vnd,
            biometrics=self.biometrics,
        )


class Flow(StrEnum):
    """What 3-D Secure does with a card: the issuer's last word is the letter."""

    NONE = "none"
    """The issuer is not asked: no 3-D Secure, as with all domestic cards."""
    FRICTIONLESS = "frictionless"
    """Y, without a page."""
    ATTEMPTED = "attempted"
    """A, without a page."""
    CHALLENGE = "challenge"
    """The issuer's page asks for a code: Y, or N for three wrong ones."""
    CHALLENGE_FAILED = "challenge_failed"
    """The issuer's page asks for a code and then says N."""
    SILENT = "silent"
    """A page is announced, and then the issuer does not answer: U."""
    UNAVAILABLE = "unavailable"
    """U at once."""
    REJECTED = "rejected"
    """R at once."""
    FAILED = "failed"
    """N at once."""


class Face(msgspec.Struct, frozen=True, kw_only=True):
    """What another gateway publishes for the same number."""

    date: str
    cvc: str
    otp: str
    source: str


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A test card. `date` is MM/YY: issue of a domestic card, expiry of an international one, which has a CVC too."""

    number: str
    holder: str
    date: str
    otp: str
    outcome: Outcome
    decided_at: DecidedAt
    source: str
    cvc: str = ""
    three_ds: Flow = Flow.NONE
    also: tuple[Face, ...] = ()

    @property
    def domestic(self) -> bool:
        return scheme_of(self.number) is CardScheme.NAPAS


class OutcomeOtp(msgspec.Struct, frozen=True, kw_only=True):
    """A one-time password that chooses how a card's payment ends."""

    otp: str
    outcome: Outcome
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
def outcome_otps() -> Mapping[str, OutcomeOtp]:
    """By the password."""
    return {each.otp: each for each in msgspec.convert(_rows("otps"), tuple[OutcomeOtp, ...])}


def card_of(number: str, *, luhn: bool = True) -> Card | None:
    """The test card of that number, blanks and dashes aside; with `luhn` none whose check digit is wrong."""
    card = cards().get("".join(number.replace("-", " ").split()))
    return None if card is None or (luhn and not luhn_holds(card.number)) else card


def outcome_of(means: Account | Card, otp: str) -> Outcome | None:
    """How a payment ends for that password: as the account or card says, or as the password chooses; None = wrong."""
    given = otp.strip().upper()
    also = [face.otp for face in means.also] if isinstance(means, Card) else []
    if any(same(given, known.upper()) for known in (means.otp, *also) if known):
        return means.outcome
    chosen = outcome_otps().get(given) if isinstance(means, Card) else None
    return chosen.outcome if chosen else None


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
    return _by_kept_number().get(payer_account)


def account_of(payer_account: str) -> Account | None:
    """The test account of that number."""
    means = means_of(payer_account)
    return means if isinstance(means, Account) else None


@cache
def _by_kept_number() -> Mapping[str, Account | Card]:
    """Accounts by their number, cards by their masked one."""
    return {each.number: each for each in accounts().values()} | {masked(each): cards()[each] for each in cards()}


def account_with_money() -> Account | None:
    """The first test account whose payments succeed."""
    return next((account for account in accounts().values() if account.outcome is Outcome.SUCCESS), None)


def _rows(name: str) -> object:
    """The one list in that file."""
    (rows,) = tomllib.loads(files("fixtures").joinpath(f"{name}.toml").read_text("utf-8")).values()
    return rows
