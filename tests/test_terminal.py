"""The terminal and its host: answer codes, messages and totals, as pure values."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import payer
from simulator import terminal as wire
from simulator.payer import place
from simulator.payment import Channel, Event, IllegalEvent, Order, Outcome, Payment, State, apply
from simulator.slip import TerminalSlip
from simulator.terminal import ANSWERS, CODES, OUTCOMES, SALE_ANSWERS, Fate, Host, Sums

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
"""10:00 in Vietnam, on the 326th day of the year."""

GOOD = payer.cards()["9704198526191432198"]
POOR = payer.cards()["9704195798459170488"]
SLIP = TerminalSlip(terminal_id="12345678", stan=7, batch=3, sent_at=NOW)


def waiting(**changes: Any) -> Payment:
    order = Order(order_ref="HS1", order_key="T1", amount_vnd=50_000, channel=Channel.POS)
    made = Payment(
        payment_id="p1",
        bank="vietinbank",
        merchant_code="9111",
        order=order,
        amount_vnd=50_000,
        bank_ref="B1",
        created_at=NOW,
        channel=Channel.POS,
        slip=SLIP,
    )
    return msgspec.structs.replace(made, **changes)


def sold(host: Host | str = "", card: payer.Card = GOOD) -> Payment:
    return payer.insert_card(card, "123456", host)(waiting(), NOW)


def spoken(payment: Payment) -> list[str]:
    """The messages in short: "0200", "0210/51", "0400 lost"."""
    told = []
    for each in wire.messages(payment):
        code = f"/{each.fields['39']}" if "39" in each.fields else ""
        told.append(each.mti + code + ("" if each.fate is Fate.ARRIVED else f" {each.fate}"))
    return told


# --- DE39 ------------------------------------------------------------------------------------------------------------


def test_the_host_has_the_known_answers() -> None:
    """iso8583-de39"""
    known = "00 05 12 13 14 30 41 43 51 54 55 57 61 65 68 75 91 96"
    assert list(SALE_ANSWERS) == known.split()
    assert all(vietnamese and english for vietnamese, english in ANSWERS.values())


def test_every_outcome_has_an_answer_and_every_answer_an_outcome() -> None:
    assert set(CODES) == set(Outcome)
    assert set(CODES.values()) <= set(SALE_ANSWERS)
    assert set(OUTCOMES) == set(SALE_ANSWERS)
    assert [code for code, outcome in OUTCOMES.items() if outcome is Outcome.SUCCESS] == ["00"]


@pytest.mark.parametrize(
    "outcome",
    [
        *(Outcome.SUCCESS, Outcome.WRONG_DETAILS, Outcome.ACCOUNT_LOCKED, Outcome.INSUFFICIENT_FUNDS),
        *(Outcome.NOT_REGISTERED, Outcome.OVER_LIMIT, Outcome.TIMED_OUT, Outcome.WRONG_PASSWORD, Outcome.MAINTENANCE),
    ],
)
def test_an_answer_leads_back_to_its_outcome(outcome: Outcome) -> None:
    assert OUTCOMES[CODES[outcome]] is outcome


@pytest.mark.parametrize("code", SALE_ANSWERS)
def test_the_tester_chooses_any_answer(code: str) -> None:
    after = sold(code)
    assert (after.state, after.outcome) == (State.PAID if code == "00" else State.FAILED, OUTCOMES[code])
    assert spoken(after) == ["0200", f"0210/{code}"]
    assert wire.of_terminal(after).approval_code == ("123456" if code == "00" else "")


def test_without_a_wish_the_card_decides() -> None:
    assert spoken(sold(card=POOR)) == ["0200", "0210/51"]
    assert sold(card=POOR).outcome is Outcome.INSUFFICIENT_FUNDS
    assert sold().payer_account == "970419*********2198"


def test_a_settled_sale_reads_no_second_card() -> None:
    declined = sold("05")
    assert payer.insert_card(GOOD, "1", "00")(declined, NOW) == declined


# --- no answer -------------------------------------------------------------------------------------------------------


def test_a_silent_host_is_answered_by_a_reversal_repeated_until_its_answer() -> None:
    """iso8583-messages#reversal: 0400, then 0401 until 0410; an original that never arrived is 25."""
    after = sold(Host.SILENT)
    assert (after.state, after.outcome) == (State.FAILED, Outcome.TIMED_OUT)
    assert spoken(after) == ["0200 lost", "0400 lost", "0401", "0410/25"]


def test_an_approval_after_the_reversal_is_dropped() -> None:
    after = sold(Host.LATE)
    assert (after.state, after.outcome) == (State.REVERSED, Outcome.REVERSED)
    assert spoken(after) == ["0200", "0400", "0410/00", "0210/00 dropped"]


@pytest.mark.parametrize("host", [Host.SILENT, Host.LATE])
def test_a_late_answer_changes_nothing_that_counts_once_the_reversal_is_answered(host: Host) -> None:
    before = sold(host)
    after = payer.answer_late()(before, NOW + timedelta(minutes=1))
    assert msgspec.structs.replace(after, slip=before.slip) == before
    assert wire.of_terminal(after).late_code == "00"


def test_while_nothing_is_answered_nobody_knows() -> None:
    after = sold(Host.LOST)
    assert (after.state, after.outcome) == (State.PENDING, Outcome.UNKNOWN)
    assert spoken(after) == ["0200 lost", "0400 lost", "0401 lost", "0401 lost"]
    assert payer.stage(after, NOW) is payer.Stage.DONE


def test_an_approval_whose_reversal_was_lost_is_kept_by_the_host_and_not_by_the_terminal() -> None:
    after = payer.answer_late()(sold(Host.LOST), NOW)
    assert after.state is State.PAID
    record = wire.record(after)
    assert (record.at_terminal, record.at_host, record.matches) == ("none", "sale", False)
    assert payer.answer_late()(after, NOW) == after


def test_a_repeated_reversal_takes_back_what_the_host_has_kept() -> None:
    kept = payer.answer_late()(sold(Host.LOST), NOW)
    after = payer.repeat_reversal()(kept, NOW)
    assert after.state is State.REVERSED
    assert spoken(after)[-3:] == ["0401", "0410/00", "0210/00 dropped"]
    assert payer.repeat_reversal()(after, NOW) == after
    assert wire.record(after).matches


def test_a_repeated_reversal_ends_what_the_host_never_had() -> None:
    after = payer.repeat_reversal()(sold(Host.LOST), NOW)
    assert (after.state, after.outcome) == (State.FAILED, Outcome.TIMED_OUT)
    assert spoken(after)[-2:] == ["0401", "0410/25"]


def test_an_approval_after_the_payment_has_expired_still_arrives() -> None:
    expired = apply(sold(Host.LOST), Event.EXPIRE, NOW)
    assert payer.answer_late()(expired, NOW).state is State.PAID


def test_what_ended_otherwise_cannot_be_approved_late() -> None:
    reversed_ = apply(sold(Host.LOST), Event.REVERSE, NOW)
    with pytest.raises(IllegalEvent):
        payer.answer_late()(reversed_, NOW)


def test_a_sale_with_an_answer_has_no_reversal_to_repeat() -> None:
    paid = sold()
    assert payer.repeat_reversal()(paid, NOW) == paid == payer.answer_late()(paid, NOW)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(Outcome.TIMED_OUT, State.FAILED), (Outcome.REVERSED, State.REVERSED), (Outcome.UNKNOWN, State.PENDING)],
)
def test_cards_that_never_end_well_leave_the_terminal_without_an_answer(outcome: Outcome, state: State) -> None:
    card = msgspec.structs.replace(GOOD, outcome=outcome)
    after = sold(card=card)
    assert (after.state, wire.code_in_time(after)) == (state, "")


# --- void ------------------------------------------------------------------------------------------------------------


def test_an_approved_sale_is_voided_under_a_number_of_its_own() -> None:
    after = payer.void_sale(9)(sold(), NOW + timedelta(hours=1))
    assert after.state is State.REVERSED
    assert spoken(after) == ["0200", "0210/00", "0200", "0210/00"]
    void = wire.messages(after)[2]
    assert (void.fields["3"], void.fields["11"]) == ("020000", "000009")
    assert void.fields["90"].startswith("02000000071122100000")
    assert len(void.fields["90"]) == 42


@pytest.mark.parametrize(
    "payment",
    [
        sold("05"),
        sold(Host.LATE),
        payer.answer_late()(sold(Host.LOST), NOW),
        payer.close_batch()(sold(), NOW),
        payer.void_sale(8)(sold(), NOW),
    ],
)
def test_what_is_not_an_approved_sale_of_the_open_batch_is_not_voided(payment: Payment) -> None:
    assert not payer.may_void(payment, NOW)
    assert payer.void_sale(9)(payment, NOW) == payment


def test_a_sale_is_voided_on_its_own_day_in_vietnam() -> None:
    assert payer.may_void(sold(), NOW + timedelta(hours=13, minutes=59))
    assert not payer.may_void(sold(), NOW + timedelta(hours=14))


# --- messages --------------------------------------------------------------------------------------------------------


def test_a_sales_fields_are_those_of_the_slip() -> None:
    asked, answered = wire.messages(sold())
    assert asked.fields == {
        "2": "970419*********2198",
        "3": "000000",
        "4": "000000050000",
        "11": "000007",
        "12": "100000",
        "13": "1122",
        "22": "051",
        "25": "00",
        "37": "632610000007",
        "41": "12345678",
        "42": "9111",
        "49": "704",
        "60": "000003",
        "62": "HS1",
    }
    assert answered.fields == asked.fields | {"38": "123456", "39": "00"}
    assert (asked.sender, answered.sender) == ("terminal", "host")


def test_a_reversal_of_an_unknown_sale_is_answered_25() -> None:
    asked, answered = wire.reversal_of_nothing("12345678", 77, NOW)
    assert (asked.mti, answered.mti, answered.fields["39"]) == ("0400", "0410", "25")
    assert asked.fields["90"].startswith("0200000077")


def test_a_waiting_sale_has_said_nothing() -> None:
    assert wire.messages(waiting()) == ()
    assert wire.messages(waiting(slip=msgspec.structs.replace(SLIP, by_card=False))) == ()


def test_a_scanned_code_is_answered_as_it_was_paid() -> None:
    by_phone = waiting(slip=msgspec.structs.replace(SLIP, by_card=False))
    shown = payer.begin_sale(by_phone.slip)(by_phone, NOW)  # type: ignore[arg-type]
    assert payer.stage(shown, NOW) is payer.Stage.QR
    assert spoken(payer.scan()(shown, NOW)) == ["0200", "0210/00"]
    assert spoken(payer.scan("hetsodu")(shown, NOW)) == ["0200", "0210/51"]


# --- totals ----------------------------------------------------------------------------------------------------------


def test_refunds_that_the_merchant_asked_for_stay_sales() -> None:
    refunded = apply(sold(), Event.REFUND_REST, NOW)
    assert wire.record(refunded).matches
    assert wire.record(refunded).at_host == "sale"


def test_a_sale_that_the_bank_reversed_by_itself_differs() -> None:
    record = wire.record(apply(sold(), Event.REVERSE, NOW))
    assert (record.at_terminal, record.at_host) == ("sale", "void")


ENDINGS = {
    "sale": sold(),
    "void": payer.void_sale(9)(sold(), NOW),
    "declined": sold("51"),
    "late": sold(Host.LATE),
    "silent": sold(Host.SILENT),
    "unknown": sold(Host.LOST),
}


@given(st.lists(st.tuples(st.sampled_from(sorted(ENDINGS)), st.integers(1, 10**9))))
def test_both_sides_count_alike_unless_an_approval_was_kept_after_giving_up(endings: list[tuple[str, int]]) -> None:
    payments = [msgspec.structs.replace(ENDINGS[name], amount_vnd=amount) for name, amount in endings]
    records = [wire.record(each) for each in payments]
    sums = wire.terminal_sums(records)
    assert sums == wire.host_sums(records)
    sales = [amount for name, amount in endings if name in ("sale", "void")]
    voids = [amount for name, amount in endings if name == "void"]
    assert sums == Sums(sales=len(sales), sales_vnd=sum(sales), voids=len(voids), voids_vnd=sum(voids))
    kept = payer.answer_late()(ENDINGS["unknown"], NOW)
    assert wire.host_sums([*records, wire.record(kept)]) != wire.terminal_sums([*records, wire.record(kept)])


def test_totals_that_match_are_settled_at_once() -> None:
    records = [wire.record(ENDINGS["sale"]), wire.record(ENDINGS["void"])]
    sums = wire.terminal_sums(records)
    said = wire.settlement("12345678", 3, 10, NOW, records, sums, sums)
    assert [(each.mti, each.fields.get("39", "")) for each in said] == [("0500", ""), ("0510", "00")]
    assert said[0].fields["63"] == "002000000100000001000000050000"


def test_totals_that_differ_are_followed_by_each_record() -> None:
    kept = payer.answer_late()(ENDINGS["unknown"], NOW)
    records = [wire.record(ENDINGS["sale"]), wire.record(kept)]
    claimed, host = wire.terminal_sums(records), wire.host_sums(records)
    said = wire.settlement("12345678", 3, 10, NOW, records, claimed, host)
    told = [each.mti + each.fields.get("39", "") for each in said]
    assert told == ["0500", "051095", "0320", "033000", "0500", "051000"]
    assert said[-2].fields["3"] == "960000"


# --- a teller --------------------------------------------------------------------------------------------------------


def test_a_terminals_sale_is_not_taken_back_at_a_counter() -> None:
    assert not place.may_take_back(sold(), NOW)
    assert payer.take_back()(sold(), NOW) == sold()
