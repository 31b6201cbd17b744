"""Internet Banking and the bank's app: log in, then a one-time password."""

from datetime import datetime, timedelta

import msgspec

from simulator.maintenance import Window, ends_at
from simulator.payer.means import accounts, means_of, outcome_of
from simulator.payer.stages import Change, Stage, asks_for_login, awaits, decided, identified, stage, wrong
from simulator.payment import Outcome, Payment
from simulator.signing import same

OTP_LIFE = timedelta(minutes=5)
"""tt-50-2024#otp: a one-time password in a text message is good for five minutes at most."""


def log_in(username: str, password: str, tries_seen: int | None = None) -> Change:
    """Internet Banking and mobile. `tries_seen` is what the payer's page showed: an older page counts no try."""

    def change(payment: Payment, now: datetime) -> Payment:
        if not awaits(payment, now, Stage.LOGIN, tries_seen):
            return payment
        account = accounts().get(username.strip().lower())
        if account is None:
            return wrong(payment, now, Outcome.WRONG_DETAILS)
        if not same(password, account.password):
            return wrong(payment, now, Outcome.WRONG_PASSWORD)
        return _active(identified(payment, now, account, account.number), now)

    return change


def give_otp(otp: str, tries_seen: int | None = None) -> Change:
    """The one-time password; letters in any case. One that has run out changes nothing, whatever was typed."""

    def change(payment: Payment, now: datetime) -> Payment:
        if not awaits(payment, now, Stage.OTP, tries_seen) or otp_expired(payment, now):
            return payment
        means = means_of(payment.payer_account)
        outcome = None if means is None else outcome_of(means, otp)
        if outcome is None:
            return _active(wrong(payment, now, Outcome.WRONG_OTP), now)
        return decided(payment, now, outcome)

    return change


def send_otp_again() -> Change:
    """A fresh one-time password; the tries so far stay counted."""

    def change(payment: Payment, now: datetime) -> Payment:
        if stage(payment, now) not in (Stage.OTP, Stage.CHALLENGE):
            return payment
        return _active(msgspec.structs.replace(payment, otp_sent_at=now), now)

    return change


def closed_in(change: Change, window: Window | None) -> Change:
    """The same change, except that in the window's hours it changes nothing."""

    def unless_closed(payment: Payment, now: datetime) -> Payment:
        return change(payment, now) if ends_at(window, now) is None else payment

    return unless_closed


def otp_expired(payment: Payment, now: datetime) -> bool:
    return payment.otp_sent_at is not None and now - payment.otp_sent_at >= OTP_LIFE


def test_otp(payment: Payment) -> str:
    """The one-time password that the page tells testers; "" before anybody has identified himself."""
    means = means_of(payment.payer_account)
    return means.otp if means else ""


def _active(payment: Payment, now: datetime) -> Payment:
    """The payer has done something: his session goes on. Only a log-in begins one."""
    logged_in = payment.channel is not None and asks_for_login(payment.channel)
    return msgspec.structs.replace(payment, active_at=now) if logged_in else payment
