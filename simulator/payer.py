"""What a payer can do on each channel, as pure changes of a payment; hand them to `bank.progress`.

Rule: each decides by the payment as it stands inside the transaction, so a second tab, a double click or a page that
has expired changes nothing, and a payment that is settled stays as it is.
"""

import tomllib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files

import msgspec

from simulator.banks import dialects
from simulator.cards import CardScheme, masked, scheme_of
from simulator.dialect import Dialect, Shape
from simulator.payment import Channel, Event, Outcome, Payment, State, Step, apply
from simulator.signing import same

OTP_LIFE = timedelta(minutes=5)
"""tt-50-2024#otp: a one-time password in a text message is good for five minutes at most."""

TRIES_MAX = 3
"""Wrong passwords and one-time passwords together (assumption: no law gives a number, gateways speak of three)."""

Change = Callable[[Payment, datetime], Payment]


class Stage(StrEnum):
    """What a payer is asked for now."""

    CHOOSE = "choose"
    LOGIN = "login"
    CARD = "card"
    OTP = "otp"
    QR = "qr"
    CONFIRM = "confirm"
    """The teller has the cash, or the terminal has the card."""
    DONE = "done"
    """Nothing more can be done: settled, expired, or the bank does not know yet."""


class Problem(StrEnum):
    """What was wrong with what a payer sent; nothing was changed by it except, for the wrong ones, the tries left."""

    CHANNEL_NOT_OFFERED = "channel_not_offered"
    ISSUER_NOT_OFFERED = "issuer_not_offered"
    WRONG_LOGIN = "wrong_login"
    WRONG_CARD = "wrong_card"
    WRONG_OTP = "wrong_otp"
    EXPIRED_OTP = "expired_otp"


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


def stage(payment: Payment, now: datetime) -> Stage:
    """What the payer is asked for at that instant."""
    if payment.state is not State.PENDING or payment.step is Step.DONE or expired(payment, now):
        return Stage.DONE
    if payment.channel in (Channel.COUNTER, Channel.POS):
        return Stage.CONFIRM
    if payment.channel is Channel.QR:
        return Stage.QR
    if payment.step is Step.OTP:
        return Stage.OTP
    if payment.channel is Channel.CARD:
        return Stage.CARD
    if payment.channel is None or (not payment.issuer_code and chooses_issuer(dialects()[payment.bank])):
        return Stage.CHOOSE
    return Stage.LOGIN


def expired(payment: Payment, now: datetime) -> bool:
    return payment.order.expires_at is not None and payment.order.expires_at <= now


def tries_left(payment: Payment) -> int:
    return TRIES_MAX - payment.otp_tries


def chooses_issuer(dialect: Dialect) -> bool:
    """A gateway asks which bank the payer has; a bank that collects bills is the payer's bank itself."""
    return dialect.shape in (Shape.REDIRECT, Shape.SERVER_CREATE)


def may_choose_again(payment: Payment, now: datetime) -> bool:
    """Whether the payer, and not the order, chose the way to pay, and has not identified himself yet."""
    chosen = payment.channel is not payment.order.channel or payment.issuer_code != payment.order.issuer_code
    return chosen and stage(payment, now) in (Stage.LOGIN, Stage.CARD, Stage.QR)


def choice_problem(dialect: Dialect, channel: str, issuer_code: str) -> Problem | None:
    """Why that choice is not offered; None if it is."""
    if channel not in dialect.channels:
        return Problem.CHANNEL_NOT_OFFERED
    if _asks_for_login(Channel(channel)) and chooses_issuer(dialect) and issuer_code not in issuers():
        return Problem.ISSUER_NOT_OFFERED
    return None


def choose(channel: Channel, issuer_code: str) -> Change:
    """The payer picks a way to pay, and for a log-in the bank. Only what `choice_problem` lets pass."""

    def change(payment: Payment, now: datetime) -> Payment:
        if stage(payment, now) is not Stage.CHOOSE:
            return payment
        step = Step.QR if channel is Channel.QR else Step.LOGIN
        issuer = issuer_code if _asks_for_login(channel) else ""
        return msgspec.structs.replace(payment, channel=channel, issuer_code=issuer, step=step)

    return change


def choose_again() -> Change:
    """The payer goes back to the choice, as far as the order left one."""

    def change(payment: Payment, now: datetime) -> Payment:
        if not may_choose_again(payment, now):
            return payment
        order = payment.order
        return msgspec.structs.replace(payment, channel=order.channel, issuer_code=order.issuer_code, step=Step.CHOOSE)

    return change


def log_in(username: str, password: str, tries_seen: int | None = None) -> Change:
    """Internet Banking and mobile. `tries_seen` is what the payer's page showed: an older page counts no try."""

    def change(payment: Payment, now: datetime) -> Payment:
        if not _awaits(payment, now, Stage.LOGIN, tries_seen):
            return payment
        account = accounts().get(username.strip().lower())
        if account is None:
            return _wrong(payment, now, Outcome.WRONG_DETAILS)
        if not same(password, account.password):
            return _wrong(payment, now, Outcome.WRONG_PASSWORD)
        return _identified(payment, now, account, account.number)

    return change


def give_card(number: str, holder: str, date: str, tries_seen: int | None = None) -> Change:
    """A card's number, holder and MM/YY. The payment keeps the number masked."""

    def change(payment: Payment, now: datetime) -> Payment:
        if not _awaits(payment, now, Stage.CARD, tries_seen):
            return payment
        card = cards().get("".join(number.split()))
        if card is None or _letters(holder) != _letters(card.holder) or date.strip() != card.date:
            return _wrong(payment, now, Outcome.WRONG_DETAILS)
        carded = msgspec.structs.replace(payment, issuer_code=payment.issuer_code or issuer_of(card.number))
        return _identified(carded, now, card, masked(card.number))

    return change


def present(number: str) -> Change:
    """The account or card that the connector collected itself; an unknown one changes nothing."""

    def change(payment: Payment, now: datetime) -> Payment:
        digits = "".join(number.split())
        account = next((each for each in accounts().values() if each.number == digits), None)
        card = cards().get(digits)
        if account is not None:
            return _identified(payment, now, account, account.number)
        return payment if card is None else _identified(payment, now, card, masked(card.number))

    return change


def give_otp(otp: str, tries_seen: int | None = None) -> Change:
    """The one-time password; letters in any case. One that has run out changes nothing, whatever was typed."""

    def change(payment: Payment, now: datetime) -> Payment:
        if not _awaits(payment, now, Stage.OTP, tries_seen) or otp_expired(payment, now):
            return payment
        means = _means(payment.payer_account)
        if means is None or not same(otp.strip().upper(), means.otp.upper()):
            return _wrong(payment, now, Outcome.WRONG_OTP)
        return _decided(payment, now, means.outcome)

    return change


def send_otp_again() -> Change:
    """A fresh one-time password; the tries so far stay counted."""

    def change(payment: Payment, now: datetime) -> Payment:
        if stage(payment, now) is not Stage.OTP:
            return payment
        return msgspec.structs.replace(payment, otp_sent_at=now)

    return change


def otp_expired(payment: Payment, now: datetime) -> bool:
    return payment.otp_sent_at is not None and now - payment.otp_sent_at >= OTP_LIFE


def scan(username: str = "", amount_vnd: int | None = None) -> Change:
    """The payer's banking app reads the QR code and pays, from that test account or from one with money.

    `amount_vnd` is what the payer typed instead of the code's amount; nothing happens for an amount below 1.
    """

    def change(payment: Payment, now: datetime) -> Payment:
        account = accounts().get(username.strip().lower()) if username else _with_money()
        sent = payment.amount_vnd if amount_vnd is None else amount_vnd
        if stage(payment, now) is not Stage.QR or account is None or sent < 1:
            return payment
        sending = msgspec.structs.replace(payment, payer_account=account.number, amount_vnd=sent)
        return _decided(sending, now, account.outcome)

    return change


def confirm(card_number: str = "") -> Change:
    """The teller has counted the cash, or the terminal has read a card (of the test cards, or one with money)."""

    def change(payment: Payment, now: datetime) -> Payment:
        if stage(payment, now) is not Stage.CONFIRM:
            return payment
        if payment.channel is Channel.COUNTER or not card_number:
            return _decided(payment, now, Outcome.SUCCESS)
        card = cards().get(card_number)
        if card is None:
            return payment
        carded = msgspec.structs.replace(payment, payer_account=masked(card.number))
        return _decided(carded, now, card.outcome)

    return change


def cancel() -> Change:
    """The payer gives up, as long as nothing is decided."""

    def change(payment: Payment, now: datetime) -> Payment:
        if stage(payment, now) is Stage.DONE:
            return payment
        return apply(payment, Event.CANCEL, now)

    return change


def test_otp(payment: Payment) -> str:
    """The one-time password that the page tells testers; "" before anybody has identified himself."""
    means = _means(payment.payer_account)
    return means.otp if means else ""


def issuer_of(pan: str) -> str:
    """The code of the bank that issued a domestic card, or an international scheme's name ("VISA")."""
    scheme = scheme_of(pan)
    if scheme is CardScheme.NAPAS:
        return next((issuer.code for issuer in issuers().values() if pan.startswith(issuer.bin)), "NAPAS")
    return scheme.upper() if scheme else ""


def _awaits(payment: Payment, now: datetime, wanted: Stage, tries_seen: int | None) -> bool:
    return stage(payment, now) is wanted and tries_seen in (None, payment.otp_tries)


def _wrong(payment: Payment, now: datetime, outcome: Outcome) -> Payment:
    tries = payment.otp_tries + 1
    if tries >= TRIES_MAX:
        return apply(payment, Event.DECLINE, now, outcome, otp_tries=tries)
    return msgspec.structs.replace(payment, otp_tries=tries)


def _identified(payment: Payment, now: datetime, means: Account | Card, payer_account: str) -> Payment:
    known = msgspec.structs.replace(payment, payer_account=payer_account, step=Step.OTP, otp_sent_at=now)
    return _decided(known, now, means.outcome) if means.decided_at is DecidedAt.LOGIN else known


def _decided(payment: Payment, now: datetime, outcome: Outcome) -> Payment:
    if outcome is Outcome.UNKNOWN:
        return msgspec.structs.replace(payment, step=Step.DONE, outcome=outcome)
    return apply(payment, _EVENTS.get(outcome, Event.DECLINE), now, outcome)


_EVENTS = {
    Outcome.SUCCESS: Event.APPROVE,
    Outcome.SUSPECTED_FRAUD: Event.SUSPECT,
    Outcome.REVERSED: Event.REVERSE,
}


def _means(payer_account: str) -> Account | Card | None:
    """The account or card that a payment is paid from."""
    for account in accounts().values():
        if account.number == payer_account:
            return account
    return next((card for card in cards().values() if masked(card.number) == payer_account), None)


def _with_money() -> Account | None:
    return next((account for account in accounts().values() if account.outcome is Outcome.SUCCESS), None)


def _asks_for_login(channel: Channel) -> bool:
    return channel in (Channel.INTERNET_BANKING, Channel.MOBILE)


def _letters(name: str) -> str:
    return " ".join(name.upper().split())


def _rows(name: str) -> object:
    """The one list in that file."""
    (rows,) = tomllib.loads(files("fixtures").joinpath(f"{name}.toml").read_text("utf-8")).values()
    return rows
