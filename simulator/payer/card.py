"""Cards, typed into a page or collected by a connector, and 3-D Secure: what the issuer says of the card's holder.

Rule: only test cards are taken; of any other number nothing is kept, not even masked.
"""

from datetime import datetime

import msgspec

from simulator.cards import eci_of, luhn_holds, masked
from simulator.payer.means import Card, Flow, accounts, card_of, cards, issuer_of, means_of, outcome_of
from simulator.payer.online import give_otp, otp_expired
from simulator.payer.stages import Change, Problem, Stage, awaits, decided, identified, stage, wrong
from simulator.payment import Merchant, Outcome, Payment, State, Step, ThreeDS

_FIRST_WORDS = {
    Flow.FRICTIONLESS: "Y",
    Flow.ATTEMPTED: "A",
    Flow.CHALLENGE: "C",
    Flow.CHALLENGE_FAILED: "C",
    Flow.SILENT: "C",
    Flow.UNAVAILABLE: "U",
    Flow.REJECTED: "R",
    Flow.FAILED: "N",
}
_UNPROVED = {"N": Outcome.OTHER, "R": Outcome.OTHER, "U": Outcome.TIMED_OUT}
"""How a payment ends that the issuer does not vouch for (assumption: none is tried without)."""

_LAST_WORDS = {Outcome.WRONG_OTP: "N", Outcome.TIMED_OUT: "U"}
"""What the issuer says when the password chose that outcome; else Y, and the card is declined afterwards."""


def checks_luhn(merchant: Merchant | None) -> bool:
    """The merchant's switch: with `luhn` = "off" the examples of NAPAS's specification are cards too."""
    return merchant is None or merchant.options.get("luhn") != "off"


def number_problem(number: str, *, luhn: bool = True) -> Problem | None:
    """Why that number is no test card; None if it is one."""
    if card_of(number, luhn=luhn) is not None:
        return None
    return Problem.BAD_CHECK_DIGIT if card_of(number, luhn=False) is not None else Problem.NOT_A_TEST_CARD


def give_card(
    number: str, holder: str, date: str, cvc: str = "", tries_seen: int | None = None, *, luhn: bool = True
) -> Change:
    """A card's number, holder, MM/YY and, of an international one, its CVC, which is never kept."""

    def change(payment: Payment, now: datetime) -> Payment:
        if not awaits(payment, now, Stage.CARD, tries_seen):
            return payment
        card = card_of(number, luhn=luhn)
        if card is None or not _fits(card, holder, date, cvc):
            return wrong(payment, now, Outcome.WRONG_DETAILS)
        carded = msgspec.structs.replace(payment, issuer_code=payment.issuer_code or issuer_of(card.number))
        return _presented(carded, now, card)

    return change


def present(number: str, *, at_once: bool = False, luhn: bool = True) -> Change:
    """The account or card that the connector collected itself; an unknown one changes nothing.

    `at_once` = it decides without a one-time password, except where a card's issuer asks for a code of its own.
    """

    def change(payment: Payment, now: datetime) -> Payment:
        account = next((each for each in accounts().values() if each.number == "".join(number.split())), None)
        card = None if account else card_of(number, luhn=luhn)
        if account is not None:
            known, outcome = identified(payment, now, account, account.number), account.outcome
        elif card is not None:
            known, outcome = _presented(payment, now, card), card.outcome
        else:
            return payment
        asked = known.step is Step.OTP and known.three_ds is None
        return decided(known, now, outcome) if at_once and asked else known

    return change


def is_known(number: str, *, luhn: bool = True) -> bool:
    """Whether an account or test card has that number."""
    return any(each.number == number for each in accounts().values()) or card_of(number, luhn=luhn) is not None


def answer_challenge(otp: str, tries_seen: int | None = None) -> Change:
    """The code that the issuer's page asks for. One that has run out changes nothing; a silent issuer is given up."""

    def change(payment: Payment, now: datetime) -> Payment:
        card = _challenged(payment, now, tries_seen)
        if card is None:
            return payment
        if card.three_ds is Flow.SILENT:
            return _vouched(payment, now, card, "U", card.outcome)
        if otp_expired(payment, now):
            return payment
        outcome = outcome_of(card, otp)
        if outcome is None:
            after = wrong(payment, now, Outcome.WRONG_OTP)
            return after if after.state is State.PENDING else _told(after, card, "N")
        if card.three_ds is Flow.CHALLENGE_FAILED:
            return _vouched(payment, now, card, "N", outcome)
        return _vouched(payment, now, card, _LAST_WORDS.get(outcome, "Y"), outcome)

    return change


def refuse_challenge() -> Change:
    """The payer tells the issuer that he does not want this payment."""

    def change(payment: Payment, now: datetime) -> Payment:
        card = _challenged(payment, now, None)
        return payment if card is None else _vouched(payment, now, card, "N", Outcome.OTHER)

    return change


def pass_otp(otp: str) -> Change:
    """A connector passes on the code that its payer typed, whoever asked for it."""

    def change(payment: Payment, now: datetime) -> Payment:
        asked = answer_challenge if stage(payment, now) is Stage.CHALLENGE else give_otp
        return asked(otp)(payment, now)

    return change


def silent(payment: Payment) -> bool:
    """Whether the issuer that asks for a challenge does not answer."""
    means = means_of(payment.payer_account)
    return isinstance(means, Card) and means.three_ds is Flow.SILENT


def breaks_luhn() -> frozenset[str]:
    """The test cards whose check digit is wrong."""
    return frozenset(number for number in cards() if not luhn_holds(number))


def _presented(payment: Payment, now: datetime, card: Card) -> Payment:
    """The number is known: the issuer is asked for the holder where 3-D Secure is, then the card decides."""
    if card.three_ds is Flow.NONE:
        return identified(payment, now, card, masked(card.number))
    known = msgspec.structs.replace(payment, payer_account=masked(card.number))
    word = _FIRST_WORDS[card.three_ds]
    if word != "C":
        return _vouched(known, now, card, word, card.outcome)
    return msgspec.structs.replace(_told(known, card, word), step=Step.OTP, otp_sent_at=now)


def _vouched(payment: Payment, now: datetime, card: Card, word: str, outcome: Outcome) -> Payment:
    """The issuer's last word; without it the outcome counts for nothing, unless it tells of a wrong code."""
    told = _told(payment, card, word)
    unproved = _UNPROVED.get(word, outcome)
    return decided(told, now, outcome if outcome is Outcome.WRONG_OTP else unproved)


def _told(payment: Payment, card: Card, word: str) -> Payment:
    return msgspec.structs.replace(payment, three_ds=ThreeDS(word, eci_of(card.number, word)))


def _challenged(payment: Payment, now: datetime, tries_seen: int | None) -> Card | None:
    """The card whose issuer's page waits for an answer; None if none does."""
    means = means_of(payment.payer_account) if awaits(payment, now, Stage.CHALLENGE, tries_seen) else None
    return means if isinstance(means, Card) else None


def _fits(card: Card, holder: str, date: str, cvc: str) -> bool:
    given = (date.strip(), "" if card.domestic else cvc.strip())
    faces = {(card.date, card.cvc), *((face.date, face.cvc) for face in card.also)}
    return _letters(holder) == _letters(card.holder) and given in faces


def _letters(name: str) -> str:
    return " ".join(name.upper().split())
