"""Cards and 3-D Secure as pure changes: every test card ends as it is listed, and no other number is a card."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import payer
from simulator.cards import CardScheme, luhn_holds, masked, scheme_of
from simulator.payer import Card, Change, Flow, Problem, Stage, stage
from simulator.payment import Channel, Order, Outcome, Payment, State, ThreeDS

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
EXPIRY = NOW + timedelta(minutes=15)
CARDS = list(payer.cards().values())
INTERNATIONAL = [card for card in CARDS if not card.domestic]

Y, ATTEMPT, NO, SILENCE = "4456530000024510", "4456530000001021", "4456530000001013", "4456530000001112"
CHALLENGED, CHALLENGED_MC = "4456530000001096", "5200000000001096"


def payment(**changes: Any) -> Payment:
    order = Order(order_ref="HS1", order_key="HS1", amount_vnd=50_000, expires_at=EXPIRY, channel=Channel.CARD)
    made = Payment(
        payment_id="p1",
        bank="vnpay",
        merchant_code="DEMOV210",
        order=order,
        amount_vnd=order.amount_vnd,
        bank_ref="14000001",
        created_at=NOW,
        channel=Channel.CARD,
    )
    return msgspec.structs.replace(made, **changes)


def after(start: Payment, *changes: Change, at: datetime = LATER) -> Payment:
    for change in changes:
        start = change(start, at)
    return start


def give(card: Card | str, **luhn: bool) -> Change:
    """As it is printed on the card."""
    known = payer.cards()[card] if isinstance(card, str) else card
    return payer.give_card(known.number, known.holder, known.date, known.cvc, **luhn)


def asked(number: str) -> Payment:
    """The issuer's page waits."""
    waiting = after(payment(), give(number))
    assert stage(waiting, LATER) is Stage.CHALLENGE
    assert (waiting.state, waiting.three_ds) == (State.PENDING, ThreeDS("C"))
    return waiting


RIGHT, WRONG = payer.answer_challenge("123456"), payer.answer_challenge("000000")

# --- every card ---------------------------------------------------------------------------------------------------

STATES = {
    Outcome.SUCCESS: State.PAID,
    Outcome.SUSPECTED_FRAUD: State.SUSPECTED,
    Outcome.REVERSED: State.REVERSED,
    Outcome.UNKNOWN: State.PENDING,
}


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.number)
def test_every_card_ends_as_it_is_listed(card: Card) -> None:
    ended = after(payment(), give(card, luhn=False))
    if stage(ended, LATER) in (Stage.OTP, Stage.CHALLENGE):
        ended = after(ended, payer.pass_otp(card.otp))
    assert stage(ended, LATER) is Stage.DONE
    assert (ended.outcome, ended.state) == (card.outcome, STATES.get(card.outcome, State.FAILED))
    assert ended.payer_account == masked(card.number)
    assert card.number not in repr(ended)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.number)
def test_a_card_asks_for_a_code_only_as_it_is_listed(card: Card) -> None:
    first = stage(after(payment(), give(card, luhn=False)), LATER)
    challenged = card.three_ds in (Flow.CHALLENGE, Flow.CHALLENGE_FAILED, Flow.SILENT)
    wanted = Stage.CHALLENGE if challenged else Stage.OTP if card.domestic and card.decided_at == "otp" else Stage.DONE
    assert first is wanted


LAST_WORDS = {
    Flow.FRICTIONLESS: "Y",
    Flow.ATTEMPTED: "A",
    Flow.CHALLENGE: "Y",
    Flow.CHALLENGE_FAILED: "N",
    Flow.SILENT: "U",
    Flow.UNAVAILABLE: "U",
    Flow.REJECTED: "R",
    Flow.FAILED: "N",
}
ECI = {"Y": ("05", "02"), "A": ("06", "01"), "N": ("07", "00"), "U": ("07", "00"), "R": ("07", "00")}


@pytest.mark.parametrize("card", INTERNATIONAL, ids=lambda card: card.number)
def test_the_issuers_last_word_and_the_eci_are_kept(card: Card) -> None:
    ended = after(payment(), give(card), payer.pass_otp(card.otp))
    if card.three_ds is Flow.NONE:
        assert ended.three_ds is None, "nobody was asked"
        return
    word = LAST_WORDS[card.three_ds]
    assert ended.three_ds == ThreeDS(word, ECI[word][scheme_of(card.number) is CardScheme.MASTERCARD])


def test_the_cards_reach_every_case_of_three_ds() -> None:
    assert {card.three_ds for card in INTERNATIONAL} == set(Flow)
    assert {card.three_ds for card in CARDS if card.domestic} == {Flow.NONE}
    declined = {(card.three_ds, card.outcome) for card in INTERNATIONAL}
    for flow in (Flow.FRICTIONLESS, Flow.CHALLENGE):
        for outcome in (Outcome.SUCCESS, Outcome.OTHER, Outcome.INSUFFICIENT_FUNDS):
            assert (flow, outcome) in declined, "authenticated, and then declined"


def test_a_number_that_two_gateways_publish_works_as_either_says() -> None:
    for date, cvc, otp in (("12/26", "123", "123456"), ("05/26", "111", "otp")):
        start = after(payment(), payer.give_card(CHALLENGED_MC, "NGUYEN VAN A", date, cvc))
        assert after(start, payer.answer_challenge(otp)).state is State.PAID
    mixed = payer.give_card(CHALLENGED_MC, "NGUYEN VAN A", "12/26", "111")
    assert stage(after(payment(), mixed), LATER) is Stage.CARD


# --- what is typed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cvc", ["", "12", "124", "0123", "١٢٣"])
def test_an_international_card_needs_its_cvc(cvc: str) -> None:
    wrong = payer.give_card("4456530000001005", "NGUYEN VAN A", "12/26", cvc)
    once = after(payment(), wrong)
    assert (stage(once, LATER), payer.tries_left(once)) == (Stage.CARD, 2)
    assert after(once, wrong, wrong).outcome is Outcome.WRONG_DETAILS


@pytest.mark.parametrize("cvc", ["", "123", "999"])
def test_a_domestic_card_has_none_whatever_a_form_sends(cvc: str) -> None:
    known = after(payment(), payer.give_card("9704198526191432198", "NGUYEN VAN A", "07/15", cvc))
    assert stage(known, LATER) is Stage.OTP


@pytest.mark.parametrize(
    "typed", ["4456530000001005", "4456 5300 0000 1005", "4456-5300-0000-1005", " 4456\u00a05300 00001005 "]
)
def test_blanks_and_dashes_in_a_number_do_not_matter(typed: str) -> None:
    assert after(payment(), payer.give_card(typed, "nguyen van a", "12/26", "123")).state is State.PAID


@pytest.mark.parametrize("number", ["9704031101234567", "9704151111111111", "9704150000000018"])
def test_the_specifications_own_numbers_are_cards_only_where_luhn_is_off(number: str) -> None:
    assert payer.number_problem(number) is Problem.BAD_CHECK_DIGIT
    assert payer.tries_left(after(payment(), give(number))) == 2
    assert after(payment(), payer.present(number)) == payment()
    assert payer.number_problem(number, luhn=False) is None
    assert stage(after(payment(), give(number, luhn=False)), LATER) is Stage.OTP
    assert stage(after(payment(), payer.present(number, luhn=False)), LATER) is Stage.OTP


@settings(deadline=None)
@given(st.sampled_from(["4", "51", "9704", "35", "37", "62", ""]), st.text("0123456789", min_size=10, max_size=17))
def test_any_other_number_is_no_card_and_nothing_of_it_is_kept(start: str, rest: str) -> None:
    whole = next(start + rest + digit for digit in "0123456789" if luhn_holds(start + rest + digit))
    if whole in payer.cards():
        return
    assert payer.number_problem(whole) is Problem.NOT_A_TEST_CARD
    assert after(payment(), payer.present(whole)) == payment()
    typed = after(payment(), payer.give_card(whole, "NGUYEN VAN A", "12/26", "123"))
    assert typed == msgspec.structs.replace(payment(), otp_tries=1)


# --- the issuer's page --------------------------------------------------------------------------------------------


def test_a_challenge_that_is_answered_pays() -> None:
    paid = after(asked(CHALLENGED), RIGHT)
    assert (paid.state, paid.outcome, paid.three_ds) == (State.PAID, Outcome.SUCCESS, ThreeDS("Y", "05"))
    assert paid.issuer_code == "VISA"


def test_the_third_wrong_code_ends_the_payment_unauthenticated() -> None:
    twice = after(asked(CHALLENGED_MC), WRONG, WRONG)
    assert (stage(twice, LATER), payer.tries_left(twice)) == (Stage.CHALLENGE, 1)
    ended = after(twice, WRONG)
    assert (ended.state, ended.outcome, ended.three_ds) == (State.FAILED, Outcome.WRONG_OTP, ThreeDS("N", "00"))
    assert after(ended, RIGHT) == ended


def test_a_payer_who_tells_the_issuer_no_has_failed() -> None:
    ended = after(asked(CHALLENGED), payer.refuse_challenge())
    assert (ended.state, ended.outcome, ended.three_ds) == (State.FAILED, Outcome.OTHER, ThreeDS("N", "07"))
    assert after(ended, RIGHT, payer.refuse_challenge()) == ended


def test_a_payer_who_cancels_there_has_cancelled() -> None:
    ended = after(asked(CHALLENGED), payer.cancel())
    assert (ended.state, ended.outcome) == (State.CANCELLED, Outcome.CANCELLED)
    assert after(ended, RIGHT) == ended


def test_an_abandoned_challenge_waits_until_the_payment_expires() -> None:
    left = asked(CHALLENGED)
    assert stage(left, EXPIRY - timedelta(seconds=1)) is Stage.CHALLENGE
    for late in (RIGHT, WRONG, payer.refuse_challenge(), payer.cancel(), payer.send_otp_again()):
        assert after(left, late, at=EXPIRY) == left, "an answer after the session's end changes nothing"


def test_a_code_lives_five_minutes_and_is_sent_again() -> None:
    late = LATER + timedelta(minutes=5)
    left = asked(CHALLENGED)
    assert after(left, RIGHT, at=late) == after(left, WRONG, at=late) == left
    assert after(left, payer.send_otp_again(), RIGHT, at=late).state is State.PAID


def test_a_silent_issuer_is_given_up_whenever_the_payer_goes_on() -> None:
    waiting = after(payment(), give(SILENCE))
    assert payer.silent(waiting)
    assert stage(waiting, LATER) is Stage.CHALLENGE
    for at in (LATER, LATER + timedelta(minutes=6)):
        ended = after(waiting, payer.answer_challenge(""), at=at)
        assert (ended.state, ended.outcome, ended.three_ds) == (State.FAILED, Outcome.TIMED_OUT, ThreeDS("U", "07"))
    assert not payer.silent(asked(CHALLENGED))


def test_a_double_click_on_a_wrong_code_costs_one_try() -> None:
    click = payer.answer_challenge("000000", tries_seen=0)
    assert payer.tries_left(after(asked(CHALLENGED), click, click)) == 2


def test_the_gateways_code_is_not_the_issuers() -> None:
    assert after(asked(CHALLENGED), payer.give_otp("123456")) == asked(CHALLENGED)
    domestic = after(payment(), give("9704198526191432198"))
    assert after(domestic, RIGHT, payer.refuse_challenge()) == domestic


@pytest.mark.parametrize("number", [CHALLENGED, Y, NO, ATTEMPT])
def test_a_connector_that_collected_the_card_meets_the_same_issuer(number: str) -> None:
    shown, presented = (after(payment(), change) for change in (give(number), payer.present(number)))
    assert presented == msgspec.structs.replace(shown, issuer_code="")
    for at_once in (True, False):
        assert after(payment(), payer.present(number, at_once=at_once)) == presented


# --- passwords that choose -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", payer.outcome_otps().values(), ids=lambda chosen: chosen.otp)
def test_a_password_chooses_the_outcome_of_a_card(chosen: payer.OutcomeOtp) -> None:
    state = STATES.get(chosen.outcome, State.FAILED)
    domestic = after(payment(), give("9704198526191432198"), payer.give_otp(chosen.otp))
    assert (domestic.outcome, domestic.state) == (chosen.outcome, state)
    abroad = after(asked(CHALLENGED), payer.answer_challenge(chosen.otp))
    assert (abroad.outcome, abroad.state) == (chosen.outcome, state)
    word = {Outcome.WRONG_OTP: "N", Outcome.TIMED_OUT: "U"}.get(chosen.outcome, "Y")
    assert abroad.three_ds is not None
    assert abroad.three_ds.status == word


def test_no_password_of_a_card_or_an_account_chooses_and_an_account_has_no_such_choice() -> None:
    usual = {card.otp for card in CARDS} | {face.otp for card in CARDS for face in card.also}
    assert not usual & set(payer.outcome_otps())
    start = payment(channel=Channel.INTERNET_BANKING, issuer_code="NCB")
    known = after(start, payer.log_in("nguyenvana", "banksim"), payer.give_otp("900051"))
    assert (known.state, payer.tries_left(known)) == (State.PENDING, 2)


# --- at most one end ----------------------------------------------------------------------------------------------

CLICKS = [
    *(RIGHT, WRONG, payer.answer_challenge("900051"), payer.refuse_challenge(), payer.cancel()),
    *(payer.give_otp("123456"), payer.give_otp("000000"), payer.send_otp_again(), payer.choose_again()),
    *(give(number) for number in (CHALLENGED, CHALLENGED_MC, Y, NO, ATTEMPT, SILENCE, "9704198526191432198")),
]


@settings(deadline=None)
@given(st.lists(st.sampled_from(CLICKS), max_size=20))
def test_whatever_is_clicked_a_card_payment_ends_at_most_once(clicks: list[Change]) -> None:
    seen = [payment()]
    for click in clicks:
        seen.append(click(seen[-1], LATER))
    ended = [each for each in seen if each.state is not State.PENDING]
    assert all(each == ended[0] for each in ended)
    for each in seen:
        paid = each.state is State.PAID and each.three_ds is not None
        assert not paid or each.three_ds in (ThreeDS("Y", "05"), ThreeDS("Y", "02"), ThreeDS("A", "06"))
