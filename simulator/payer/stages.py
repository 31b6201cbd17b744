"""How far a payer has come: what is asked for now, the choice of a way to pay, and what a decision does."""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from simulator.banks import dialects
from simulator.dialect import Dialect, Shape
from simulator.payer.means import Account, Card, DecidedAt, issuers
from simulator.payment import Channel, Event, Outcome, Payment, State, Step, apply

TRIES_MAX = 3
"""Wrong passwords and one-time passwords together (assumption: no law gives a number, gateways speak of three)."""

SESSION_IDLE = timedelta(minutes=10)
"""Who has logged in and does nothing must log in again (assumption; longer than a one-time password lives, so that
its end can be seen)."""

Change = Callable[[Payment, datetime], Payment]


class Stage(StrEnum):
    """What a payer is asked for now."""

    CHOOSE = "choose"
    LOGIN = "login"
    CARD = "card"
    OTP = "otp"
    BIOMETRICS = "biometrics"
    """The payer's bank looks at the payer's face."""
    CHALLENGE = "challenge"
    """A card's issuer asks for its own code, on its own page: 3-D Secure."""
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
    NOT_A_TEST_CARD = "not_a_test_card"
    BAD_CHECK_DIGIT = "bad_check_digit"
    WRONG_OTP = "wrong_otp"
    EXPIRED_OTP = "expired_otp"
    WRONG_CAPTCHA = "wrong_captcha"
    MAINTENANCE = "maintenance"


def stage(payment: Payment, now: datetime) -> Stage:
    """What the payer is asked for at that instant."""
    if payment.state is not State.PENDING or payment.step is Step.DONE or expired(payment, now):
        return Stage.DONE
    if session_over(payment, now):
        return Stage.LOGIN
    if payment.step is Step.BIOMETRICS:
        return Stage.BIOMETRICS
    at_terminal = payment.channel is Channel.POS
    if payment.channel is Channel.COUNTER or (at_terminal and payment.step is not Step.QR):
        return Stage.CONFIRM
    if payment.channel is Channel.QR or at_terminal:
        return Stage.QR
    if payment.step is Step.OTP:
        return Stage.OTP if payment.three_ds is None else Stage.CHALLENGE
    if payment.channel is Channel.CARD:
        return Stage.CARD
    if payment.channel is None or (not payment.issuer_code and chooses_issuer(dialects()[payment.bank])):
        return Stage.CHOOSE
    return Stage.LOGIN


def expired(payment: Payment, now: datetime) -> bool:
    return payment.order.expires_at is not None and payment.order.expires_at <= now


def session_over(payment: Payment, now: datetime) -> bool:
    """Whether the payer has logged in, and has then done nothing for too long."""
    if payment.active_at is None or payment.step not in (Step.OTP, Step.BIOMETRICS):
        return False
    return now - payment.active_at >= SESSION_IDLE


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
    if asks_for_login(Channel(channel)) and chooses_issuer(dialect) and issuer_code not in issuers():
        return Problem.ISSUER_NOT_OFFERED
    return None


def choose(channel: Channel, issuer_code: str) -> Change:
    """The payer picks a way to pay, and for a log-in the bank. Only what `choice_problem` lets pass."""

    def change(payment: Payment, now: datetime) -> Payment:
        if stage(payment, now) is not Stage.CHOOSE:
            return payment
        step = Step.QR if channel is Channel.QR else Step.LOGIN
        issuer = issuer_code if asks_for_login(channel) else ""
        return msgspec.structs.replace(payment, channel=channel, issuer_code=issuer, step=step)

    return change


def choose_again() -> Change:
    """The payer goes back to the choice, as far as the order left one."""

    def change(payment: Payment, now: datetime) -> Payment:
        if not may_choose_again(payment, now):
            return payment
        order = payment.order
        return msgspec.structs.replace(
            payment,
            channel=order.channel,
            issuer_code=order.issuer_code,
            step=Step.CHOOSE,
            payer_account="",
            active_at=None,
        )

    return change


def cancel() -> Change:
    """The payer gives up, as long as nothing is decided."""

    def change(payment: Payment, now: datetime) -> Payment:
        if stage(payment, now) is Stage.DONE:
            return payment
        return apply(payment, Event.CANCEL, now)

    return change


def awaits(payment: Payment, now: datetime, wanted: Stage, tries_seen: int | None) -> bool:
    """Whether that is what is asked for; a page older than the last try counts for nothing."""
    return stage(payment, now) is wanted and tries_seen in (None, payment.otp_tries)


def wrong(payment: Payment, now: datetime, outcome: Outcome) -> Payment:
    """One try less; after the last one the payment has failed with that outcome."""
    tries = payment.otp_tries + 1
    if tries >= TRIES_MAX:
        return apply(payment, Event.DECLINE, now, outcome, otp_tries=tries)
    return msgspec.structs.replace(payment, otp_tries=tries)


def identified(payment: Payment, now: datetime, means: Account | Card, payer_account: str) -> Payment:
    """The bank knows who pays; a one-time password is asked for next, unless the account or card alone decides."""
    known = msgspec.structs.replace(payment, payer_account=payer_account, step=Step.OTP, otp_sent_at=now)
    return decided(known, now, means.outcome) if means.decided_at is DecidedAt.LOGIN else known


def decided(payment: Payment, now: datetime, outcome: Outcome) -> Payment:
    """The payment as the account or card lets it end."""
    if outcome is Outcome.UNKNOWN:
        return msgspec.structs.replace(payment, step=Step.DONE, outcome=outcome)
    return apply(payment, _EVENTS.get(outcome, Event.DECLINE), now, outcome)


_EVENTS = {
    Outcome.SUCCESS: Event.APPROVE,
    Outcome.SUSPECTED_FRAUD: Event.SUSPECT,
    Outcome.REVERSED: Event.REVERSE,
}


def asks_for_login(channel: Channel) -> bool:
    """Whether the payer logs in at a bank on that channel."""
    return channel in (Channel.INTERNET_BANKING, Channel.MOBILE)
