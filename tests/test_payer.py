"""What a payer does: each step is a pure change, and none of them can undo or repeat a decision."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import payer
from simulator.banks import dialects
from simulator.cards import masked
from simulator.payer import Change, Problem, Stage, stage
from simulator.payment import Channel, Order, Outcome, Payment, State, Step
from simulator.slip import PaidWith, TellerSlip, TerminalSlip

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
EXPIRY = NOW + timedelta(minutes=15)

FREE = Order(order_ref="HS1", order_key="HS1", amount_vnd=50_000, expires_at=EXPIRY)


def payment(order: Order = FREE, **changes: Any) -> Payment:
    made = Payment(
        payment_id="p1",
        bank="vnpay",
        merchant_code="DEMOV210",
        order=order,
        amount_vnd=order.amount_vnd,
        bank_ref="14000001",
        created_at=NOW,
        channel=order.channel,
        issuer_code=order.issuer_code,
    )
    return msgspec.structs.replace(made, **changes)


def bill(channel: Channel) -> Payment:
    return payment(msgspec.structs.replace(FREE, channel=channel), bank="vietinbank")


def after(start: Payment, *changes: Change, at: datetime = LATER) -> Payment:
    for change in changes:
        start = change(start, at)
    return start


BANKING = payer.choose(Channel.INTERNET_BANKING, "NCB")
LOGIN = payer.log_in("nguyenvana", "banksim")
OTP = payer.give_otp("123456")
WRONG_LOGIN = payer.log_in("nguyenvana", "wrong")
WRONG_OTP = payer.give_otp("000000")
QR = payer.choose(Channel.QR, "")
CARD = payer.choose(Channel.CARD, "")
SALE = TerminalSlip(terminal_id="12345678", stan=1, batch=1, sent_at=NOW)
POS_CARD = payer.insert_card(payer.cards()["9704198526191432198"], "123456")
PAID_IN = TellerSlip(
    branch="0001", teller_id="GDV01", sequence=1, paid_with=PaidWith.CASH, taken_at=NOW, booked_on=NOW.date()
)
COUNTED = payer.take_money(PAID_IN)


# --- Internet Banking -----------------------------------------------------------------------------------------


def test_internet_banking_asks_for_bank_log_in_and_otp_in_turn_and_ends_paid() -> None:
    steps = [payment()]
    for change in (BANKING, LOGIN, OTP):
        steps.append(change(steps[-1], LATER))
    assert [stage(each, LATER) for each in steps] == [Stage.CHOOSE, Stage.LOGIN, Stage.OTP, Stage.DONE]
    paid = steps[-1]
    assert (paid.state, paid.outcome, paid.settled_at) == (State.PAID, Outcome.SUCCESS, LATER)
    assert (paid.channel, paid.issuer_code, paid.payer_account) == (Channel.INTERNET_BANKING, "NCB", "100000000001")


@pytest.mark.parametrize(
    ("username", "state", "outcome"),
    [
        ("tranthib", State.PAID, Outcome.SUCCESS),
        ("hetsodu", State.FAILED, Outcome.INSUFFICIENT_FUNDS),
        ("vuothanmuc", State.FAILED, Outcome.OVER_LIMIT),
        ("loikhac", State.FAILED, Outcome.OTHER),
        ("nghingo", State.SUSPECTED, Outcome.SUSPECTED_FRAUD),
        ("hoantien", State.REVERSED, Outcome.REVERSED),
        ("chuaro", State.PENDING, Outcome.UNKNOWN),
    ],
)
def test_an_account_decides_the_outcome_once_the_otp_is_right(username: str, state: State, outcome: Outcome) -> None:
    known = after(payment(), BANKING, payer.log_in(username, "banksim"))
    assert (known.state, known.outcome, stage(known, LATER)) == (State.PENDING, None, Stage.OTP)
    ended = after(known, OTP)
    assert (ended.state, ended.outcome, stage(ended, LATER)) == (state, outcome, Stage.DONE)


@pytest.mark.parametrize(
    ("username", "outcome"),
    [
        ("bikhoa", Outcome.ACCOUNT_LOCKED),
        ("chuadangky", Outcome.NOT_REGISTERED),
        ("baotri", Outcome.MAINTENANCE),
    ],
)
def test_some_accounts_are_declined_at_the_log_in(username: str, outcome: Outcome) -> None:
    ended = after(payment(), BANKING, payer.log_in(username, "banksim"))
    assert (ended.state, ended.outcome) == (State.FAILED, outcome)


def test_a_username_is_read_in_any_case_and_a_password_is_not() -> None:
    assert stage(after(payment(), BANKING, payer.log_in(" NguyenVanA ", "banksim")), LATER) is Stage.OTP
    assert stage(after(payment(), BANKING, payer.log_in("nguyenvana", "BANKSIM")), LATER) is Stage.LOGIN


def test_an_unknown_outcome_leaves_the_payment_open_and_lets_the_payer_do_nothing_more() -> None:
    open_still = after(payment(), BANKING, payer.log_in("chuaro", "banksim"), OTP)
    assert after(open_still, OTP, payer.cancel(), BANKING, WRONG_OTP) == open_still


# --- tries ----------------------------------------------------------------------------------------------------


def test_the_third_wrong_otp_ends_the_payment() -> None:
    known = after(payment(), BANKING, LOGIN)
    twice = after(known, WRONG_OTP, WRONG_OTP)
    assert (twice.state, payer.tries_left(twice)) == (State.PENDING, 1)
    ended = after(twice, WRONG_OTP)
    assert (ended.state, ended.outcome) == (State.FAILED, Outcome.WRONG_OTP)
    assert after(ended, OTP) == ended


@pytest.mark.parametrize(
    ("wrong", "outcome"),
    [(WRONG_LOGIN, Outcome.WRONG_PASSWORD), (payer.log_in("nobody", "banksim"), Outcome.WRONG_DETAILS)],
)
def test_the_third_wrong_log_in_ends_the_payment(wrong: Change, outcome: Outcome) -> None:
    ended = after(payment(), BANKING, wrong, wrong, wrong)
    assert (ended.state, ended.outcome) == (State.FAILED, outcome)


def test_a_one_time_password_lives_five_minutes() -> None:
    asked = after(payment(), BANKING, LOGIN)
    in_time, too_late = LATER + timedelta(seconds=299), LATER + timedelta(seconds=300)
    assert after(asked, OTP, at=in_time).state is State.PAID
    assert after(asked, OTP, at=too_late) == asked
    assert after(asked, WRONG_OTP, at=too_late) == asked, "and costs no try"


def test_a_new_one_time_password_lives_anew_and_forgives_no_try() -> None:
    too_late = LATER + timedelta(seconds=300)
    asked = after(payment(), BANKING, LOGIN, WRONG_OTP)
    again = after(asked, payer.send_otp_again(), at=too_late)
    assert again.otp_tries == 1
    assert after(again, OTP, at=too_late + timedelta(seconds=299)).state is State.PAID


def test_nobody_is_sent_a_password_who_did_not_log_in() -> None:
    chosen = after(payment(), BANKING)
    assert after(chosen, payer.send_otp_again()) == chosen


def test_wrong_log_ins_leave_fewer_tries_for_the_otp() -> None:
    ended = after(payment(), BANKING, WRONG_LOGIN, LOGIN, WRONG_OTP, WRONG_OTP)
    assert (ended.state, ended.outcome) == (State.FAILED, Outcome.WRONG_OTP)


def test_choosing_another_bank_gives_no_new_tries() -> None:
    back = after(payment(), BANKING, WRONG_LOGIN, WRONG_LOGIN, payer.choose_again())
    assert stage(back, LATER) is Stage.CHOOSE
    ended = after(back, payer.choose(Channel.INTERNET_BANKING, "ACB"), WRONG_LOGIN)
    assert ended.state is State.FAILED


def test_a_double_click_on_a_wrong_otp_costs_one_try() -> None:
    known = after(payment(), BANKING, LOGIN)
    click = payer.give_otp("000000", tries_seen=0)
    assert payer.tries_left(after(known, click, click)) == 2


def test_a_double_click_on_a_wrong_log_in_costs_one_try() -> None:
    click = payer.log_in("nguyenvana", "wrong", tries_seen=0)
    assert payer.tries_left(after(payment(), BANKING, click, click)) == 2


# --- two tabs, late pages, settled payments -------------------------------------------------------------------


def test_a_cancelled_payment_stays_cancelled_whatever_the_other_tab_sends() -> None:
    known = after(payment(), BANKING, LOGIN)
    cancelled = after(known, payer.cancel())
    assert (cancelled.state, cancelled.outcome) == (State.CANCELLED, Outcome.CANCELLED)
    assert after(cancelled, OTP, payer.cancel(), LOGIN, BANKING, payer.scan(), POS_CARD, COUNTED) == cancelled


def test_a_paid_payment_is_not_cancelled_by_the_other_tab() -> None:
    paid = after(payment(), BANKING, LOGIN, OTP)
    assert after(paid, payer.cancel(), OTP, WRONG_OTP) == paid


EVERYTHING: list[Change] = [
    *(BANKING, QR, CARD, LOGIN, WRONG_LOGIN, OTP, WRONG_OTP),
    *(payer.scan(), payer.scan("hetsodu"), POS_CARD, COUNTED, payer.cancel(), payer.choose_again()),
    payer.give_card("9704198526191432198", "NGUYEN VAN A", "07/15"),
    payer.give_card("4456530000001005", "NGUYEN VAN A", "12/26", "123"),
    payer.give_card("4456530000001096", "NGUYEN VAN A", "12/26", "123"),
    payer.answer_challenge("123456"),
    payer.answer_challenge("000000"),
    payer.refuse_challenge(),
    payer.log_in("bikhoa", "banksim"),
    payer.log_in("chuaro", "banksim"),
]


@pytest.mark.parametrize("known", [(), (BANKING,), (BANKING, LOGIN), (QR,), (CARD,)])
def test_an_expired_page_does_nothing(known: tuple[Change, ...]) -> None:
    start = after(payment(), *known)
    for change in EVERYTHING:
        assert after(start, change, at=EXPIRY) == start
    assert stage(start, EXPIRY) is Stage.DONE
    assert stage(start, EXPIRY - timedelta(seconds=1)) is not Stage.DONE


@settings(deadline=None)
@given(
    st.sampled_from([payment(), bill(Channel.COUNTER), bill(Channel.MOBILE), bill(Channel.POS)]),
    st.lists(st.sampled_from(EVERYTHING), max_size=25),
)
def test_whatever_is_clicked_a_payment_is_decided_at_most_once(start: Payment, clicks: list[Change]) -> None:
    seen = [start]
    for click in clicks:
        seen.append(click(seen[-1], LATER))
    decided = [each for each in seen if each.state is not State.PENDING]
    assert all(each == decided[0] for each in decided)
    assert all(payer.tries_left(each) >= 0 for each in seen)
    assert all(each.amount_vnd == start.amount_vnd for each in seen)


# --- choosing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "issuer_code", "problem"),
    [
        ("internet_banking", "NCB", None),
        ("internet_banking", "", Problem.ISSUER_NOT_OFFERED),
        ("internet_banking", "MOMO", Problem.ISSUER_NOT_OFFERED),
        ("qr", "", None),
        ("counter", "", Problem.CHANNEL_NOT_OFFERED),
        ("", "NCB", Problem.CHANNEL_NOT_OFFERED),
    ],
)
def test_only_what_the_bank_offers_can_be_chosen(channel: str, issuer_code: str, problem: Problem | None) -> None:
    assert payer.choice_problem(dialects()["vnpay"], channel, issuer_code) == problem


def test_a_choice_that_the_order_made_is_not_asked_for_again() -> None:
    ordered = payment(msgspec.structs.replace(FREE, channel=Channel.INTERNET_BANKING, issuer_code="NCB"))
    assert stage(ordered, LATER) is Stage.LOGIN
    assert not payer.may_choose_again(ordered, LATER)
    assert after(ordered, payer.choose_again(), QR) == ordered


def test_an_order_that_names_only_the_method_leaves_the_bank_to_the_payer() -> None:
    ordered = payment(msgspec.structs.replace(FREE, channel=Channel.INTERNET_BANKING))
    assert stage(ordered, LATER) is Stage.CHOOSE
    chosen = after(ordered, BANKING)
    assert stage(chosen, LATER) is Stage.LOGIN
    assert after(chosen, payer.choose_again()) == msgspec.structs.replace(ordered, step=Step.CHOOSE)


def test_a_payer_who_has_logged_in_cannot_choose_again() -> None:
    known = after(payment(), BANKING, LOGIN)
    assert after(known, payer.choose_again(), QR) == known


# --- QR -------------------------------------------------------------------------------------------------------


def test_scanning_pays_from_an_account_with_money() -> None:
    paid = after(payment(), QR, payer.scan())
    assert (paid.state, paid.channel, paid.payer_account) == (State.PAID, Channel.QR, "100000000001")


@pytest.mark.parametrize(
    ("username", "outcome"), [("hetsodu", Outcome.INSUFFICIENT_FUNDS), ("bikhoa", Outcome.ACCOUNT_LOCKED)]
)
def test_scanning_from_another_account_has_its_outcome(username: str, outcome: Outcome) -> None:
    assert after(payment(), QR, payer.scan(username)).outcome is outcome


def test_scanning_without_a_code_on_the_screen_or_with_an_unknown_account_does_nothing() -> None:
    assert after(payment(), payer.scan()) == payment()
    shown = after(payment(), QR)
    assert after(shown, payer.scan("nobody")) == shown


# --- cards ----------------------------------------------------------------------------------------------------


def give(number: str, holder: str = "NGUYEN VAN A", date: str = "07/15") -> Change:
    return payer.give_card(number, holder, date, "123")


def test_a_card_is_asked_for_its_otp_and_kept_masked() -> None:
    known = after(payment(), CARD, give("9704 1985 2619 1432 198", "nguyen  van a"))
    assert stage(known, LATER) is Stage.OTP
    assert (known.payer_account, known.issuer_code) == ("970419*********2198", "NCB")
    assert after(known, OTP).state is State.PAID


@pytest.mark.parametrize(
    ("number", "date", "otp", "state", "outcome"),
    [
        ("9704195798459170488", "07/15", "123456", State.FAILED, Outcome.INSUFFICIENT_FUNDS),
        ("9704192181368742", "07/15", "", State.FAILED, Outcome.NOT_REGISTERED),
        ("9704193370791314", "07/15", "", State.FAILED, Outcome.ACCOUNT_LOCKED),
        ("9704000000000018", "03/07", "otp", State.PAID, Outcome.SUCCESS),
        ("9704000000000042", "03/07", "OTP", State.FAILED, Outcome.OVER_LIMIT),
        ("4456530000001005", "12/26", "", State.PAID, Outcome.SUCCESS),
    ],
)
def test_a_published_card_has_its_published_outcome(
    number: str, date: str, otp: str, state: State, outcome: Outcome
) -> None:
    ended = after(payment(), CARD, give(number, date=date))
    assert (stage(ended, LATER) is Stage.OTP) == bool(otp)
    if otp:
        ended = after(ended, payer.give_otp(otp))
    assert (ended.state, ended.outcome) == (state, outcome)


@pytest.mark.parametrize(
    "wrong",
    [
        give("9704198526191432199"),
        give("9704198526191432198", "NGUYEN VAN B"),
        give("9704198526191432198", date="08/15"),
    ],
)
def test_wrong_card_details_three_times_end_the_payment(wrong: Change) -> None:
    twice = after(payment(), CARD, wrong, wrong)
    assert (stage(twice, LATER), payer.tries_left(twice)) == (Stage.CARD, 1)
    assert after(twice, wrong).outcome is Outcome.WRONG_DETAILS


def test_an_international_card_is_told_by_its_scheme() -> None:
    assert after(payment(), CARD, give("4456530000001005", date="12/26")).issuer_code == "VISA"
    assert payer.issuer_of("5200000000001005") == "MASTERCARD"
    assert payer.issuer_of("3337000000000008") == "JCB"


def test_a_domestic_card_is_told_by_its_bank_or_if_that_is_unknown_by_the_network() -> None:
    assert payer.issuer_of("9704150000000018") == "VIETINBANK"
    assert payer.issuer_of("9704990000000018") == "NAPAS"


def test_masked_cards_and_accounts_cannot_be_taken_for_one_another() -> None:
    kept = [masked(number) for number in payer.cards()] + [each.number for each in payer.accounts().values()]
    assert len(kept) == len(set(kept))


# --- bills at the counter, at a terminal, in the bank's own app -----------------------------------------------


def test_a_bill_at_the_counter_is_paid_when_the_teller_confirms() -> None:
    asked = bill(Channel.COUNTER)
    assert stage(asked, LATER) is Stage.CONFIRM
    paid = after(asked, payer.take_money(PAID_IN))
    assert (paid.state, paid.payer_account, paid.slip) == (State.PAID, "", PAID_IN)
    assert paid.in_cash


@pytest.mark.parametrize(
    ("username", "state", "account"),
    [("tranthib", State.PAID, "100000000002"), ("hetsodu", State.FAILED, "100000000051"), ("none", State.PENDING, "")],
)
def test_a_teller_debits_an_account_that_lets_itself_be_debited(username: str, state: State, account: str) -> None:
    slip = msgspec.structs.replace(PAID_IN, paid_with=PaidWith.ACCOUNT)
    taken = after(bill(Channel.COUNTER), payer.take_money(slip, username))
    assert (taken.state, taken.payer_account) == (state, account)
    assert taken.in_cash is (state is State.PENDING)


def test_a_teller_serves_nobody_at_a_terminal_and_a_terminal_nobody_at_a_counter() -> None:
    at_terminal = after(bill(Channel.POS), payer.begin_sale(SALE))
    assert after(at_terminal, payer.take_money(PAID_IN)) == at_terminal
    assert after(bill(Channel.COUNTER), POS_CARD) == bill(Channel.COUNTER)


def test_a_terminal_pays_with_the_card_it_has_read() -> None:
    asked = after(bill(Channel.POS), payer.begin_sale(SALE))
    assert after(asked, POS_CARD).state is State.PAID
    poor = payer.insert_card(payer.cards()["9704195798459170488"], "")
    declined = after(asked, poor)
    assert (declined.outcome, declined.payer_account) == (Outcome.INSUFFICIENT_FUNDS, "970419*********0488")


def test_a_terminal_reads_no_card_before_it_has_a_number_for_the_sale() -> None:
    assert after(bill(Channel.POS), POS_CARD) == bill(Channel.POS)


@pytest.mark.parametrize("channel", [Channel.INTERNET_BANKING, Channel.MOBILE])
def test_a_bill_in_the_banks_own_app_asks_for_no_bank(channel: Channel) -> None:
    asked = bill(channel)
    assert stage(asked, LATER) is Stage.LOGIN
    assert after(asked, LOGIN, OTP).state is State.PAID


def test_popular_banks_are_offered_first() -> None:
    offered = list(payer.issuers().values())
    assert [issuer.popular for issuer in offered] == sorted((issuer.popular for issuer in offered), reverse=True)
    assert {"NCB", "VIETINBANK", "VIETCOMBANK"} <= {issuer.code for issuer in offered[:12]}
