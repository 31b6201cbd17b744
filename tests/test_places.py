"""Terminals and counters over the control API, with the sample portal as the connector that is asked and told."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from subprocess import PIPE, Popen

import httpx
import pytest

from conformance.payer import Payer, read_page
from simulator.client import Banksim, ControlError, SandboxClient, Sums
from tests.portals import FEE_VND
from tests.samples import vietcombank_qn
from tests.test_portal_process import portal

START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
"""9:00 in Vietnam on a Monday."""

READY_S = 60
CARD = "9704198526191432198"
POOR_CARD = "9704195798459170488"
BANK = "vietinbank"
NUMBERS = count(1)


@pytest.fixture(scope="module")
def portal_http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with portal(tmp_path_factory.mktemp("portal")) as (client, _):
        yield client


@pytest.fixture(scope="module")
def banksim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Banksim]:
    store = tmp_path_factory.mktemp("places") / "bank.db"
    command = [sys.executable, "-m", "simulator", "serve", "--port", "0", "--store", str(store)]
    with Popen(command, stdout=PIPE, text=True, cwd=Path(__file__).parents[1]) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("banksim ready at "):
                with Banksim(line.split()[-1]) as client:
                    yield client
                break
        process.terminate()
        process.communicate(timeout=READY_S)


@dataclass(frozen=True, slots=True)
class Town:
    """A sandbox whose VietinBank asks and tells the portal."""

    sandbox: SandboxClient
    portal: httpx.Client

    def dossier(self) -> str:
        """A fresh dossier's code."""
        code = f"HS-{next(NUMBERS)}"
        body = {"dossier_code": code, "fee_vnd": FEE_VND, "applicant": "Trần Thị B"}
        self.portal.post("/api/dossiers", json=body).raise_for_status()
        self.portal.post(f"/api/dossiers/{code}/payments", json={"bank": BANK, "method": "bill"}).raise_for_status()
        return code

    def bill(self, dossier_code: str) -> str:
        return str(self.status(dossier_code)["bill_code"])

    def status(self, dossier_code: str) -> dict[str, object]:
        """What the portal thinks, once all that is due was delivered."""
        self.sandbox.advance(seconds=1)
        return dict(self.portal.get(f"/api/dossiers/{dossier_code}").raise_for_status().json())

    def sale(self, host: str = "", card: str = CARD) -> tuple[str, str]:
        """A sale at the terminal that was answered so: (dossier, payment)."""
        dossier = self.dossier()
        named = self.sandbox.name_sale(BANK, self.bill(dossier))
        self.sandbox.insert_card(named.payment.payment_id, card, host)
        return dossier, named.payment.payment_id

    def visit(self, **how: str) -> tuple[str, str]:
        dossier = self.dossier()
        named = self.sandbox.name_visit(BANK, self.bill(dossier))
        self.sandbox.take_money(named.payment.payment_id, **how)
        return dossier, named.payment.payment_id


def asking(sandbox: SandboxClient, portal_http: httpx.Client) -> Town:
    """Sets the portal up as VietinBank's merchant in that sandbox."""
    merchant = next(each for each in sandbox.merchants() if each.bank == BANK)
    callbacks = f"{str(portal_http.base_url).rstrip('/')}/callbacks/vietinbank"
    sandbox.set_merchant(
        BANK, merchant.merchant_code, inquiry_url=f"{callbacks}/inquiry", callback_url=f"{callbacks}/notice"
    )
    return Town(sandbox, portal_http)


@pytest.fixture
def town(banksim: Banksim, portal_http: httpx.Client) -> Town:
    return asking(banksim.create_sandbox(manual=True, clock_at=START), portal_http)


def why(error: pytest.ExceptionInfo[ControlError]) -> tuple[int, str]:
    return error.value.status, error.value.reason


# --- terminal --------------------------------------------------------------------------------------------------------


def test_a_card_pays_a_dossier_at_the_terminal_and_the_portal_hears_of_it(town: Town) -> None:
    dossier, payment_id = town.sale()
    assert town.status(dossier)["status"] == "paid"
    sale = town.sandbox.sale(payment_id)
    assert (sale.payment.state, sale.payment.channel, sale.response_code) == ("paid", "pos", "00")
    assert (sale.stan, sale.batch, len(sale.approval_code), len(sale.retrieval_reference)) == (1, 1, 6, 12)
    assert sale.response_vi == "Giao dịch thành công"
    assert [each.mti for each in sale.messages] == ["0200", "0210"]


@pytest.mark.parametrize(("card", "host", "code"), [(POOR_CARD, "", "51"), (CARD, "54", "54"), (CARD, "91", "91")])
def test_a_declined_card_pays_nothing(town: Town, card: str, host: str, code: str) -> None:
    dossier, payment_id = town.sale(host, card)
    assert town.status(dossier)["status"] == "pending"
    assert town.sandbox.sale(payment_id).response_code == code


def test_a_number_that_is_no_test_card_is_not_sent(town: Town) -> None:
    named = town.sandbox.name_sale(BANK, town.bill(town.dossier()))
    with pytest.raises(ControlError) as raised:
        town.sandbox.insert_card(named.payment.payment_id, "9704198526191432199")
    assert why(raised) == (409, "no_test_card")
    assert town.sandbox.sale(named.payment.payment_id).stan is None


def test_a_code_that_the_portal_does_not_know_is_refused_in_its_words(town: Town) -> None:
    with pytest.raises(ControlError) as raised:
        town.sandbox.name_sale(BANK, "NO-SUCH-BILL")
    assert why(raised) == (422, "unknown_order")


def test_numbers_go_up_by_one_and_name_their_sale(town: Town) -> None:
    ids = [town.sale()[1] for _ in range(5)]
    assert [town.sandbox.sale(each).stan for each in ids] == [1, 2, 3, 4, 5]
    other = town.sandbox.name_sale(BANK, town.bill(town.dossier()))
    first = town.sandbox.insert_card(other.payment.payment_id, terminal_id="SHOP0002")
    assert (first.terminal_id, first.stan) == ("SHOP0002", 1)


@pytest.mark.parametrize("host", ["silent", "late"])
def test_after_a_time_out_the_payer_keeps_the_money_and_the_portal_hears_nothing(town: Town, host: str) -> None:
    dossier, payment_id = town.sale(host)
    sale = town.sandbox.answer_late(payment_id)
    assert sale.reversal_code == {"silent": "25", "late": "00"}[host]
    assert sale.late_code == "00"
    assert sale.payment.state == {"silent": "failed", "late": "reversed"}[host]
    status = town.status(dossier)
    assert (status["status"], status["notifications"]) == ("pending", 0)
    assert sum(each.amount_vnd for each in town.sandbox.ledger(payment_id=payment_id)) == 0


def test_an_approval_that_was_kept_reaches_the_portal_late(town: Town) -> None:
    dossier, payment_id = town.sale("lost")
    assert town.status(dossier)["status"] == "pending"
    assert town.sandbox.sale(payment_id).payment.outcome == "unknown"
    town.sandbox.advance(seconds=300)
    assert town.sandbox.answer_late(payment_id).payment.state == "paid"
    assert town.status(dossier)["status"] == "paid"


def test_a_repeated_reversal_settles_what_nobody_knew(town: Town) -> None:
    dossier, payment_id = town.sale("lost")
    sale = town.sandbox.repeat_reversal(payment_id)
    assert (sale.payment.state, sale.payment.outcome, sale.reversal_code) == ("failed", "timed_out", "25")
    assert town.status(dossier)["status"] == "pending"


def test_a_reversal_of_a_number_that_no_sale_has_is_answered_25(town: Town) -> None:
    _, payment_id = town.sale("lost")
    unknown = town.sandbox.reverse(BANK, 77)
    assert (unknown.code, unknown.payment) == ("25", None)
    known = town.sandbox.reverse(BANK, 1)
    assert known.payment is not None
    assert (known.code, known.payment.payment_id, known.payment.state) == ("25", payment_id, "failed")


def test_an_approved_sale_is_voided_once(town: Town) -> None:
    _, payment_id = town.sale()
    assert town.sandbox.void(payment_id).payment.state == "reversed"
    with pytest.raises(ControlError) as raised:
        town.sandbox.void(payment_id)
    assert why(raised) == (409, "no_void")


def test_what_no_terminal_has_is_not_voided(town: Town) -> None:
    _, payment_id = town.visit()
    for act in (town.sandbox.void, town.sandbox.answer_late, town.sandbox.repeat_reversal):
        with pytest.raises(ControlError) as raised:
            act(payment_id)
        assert why(raised) == (409, "not_at_terminal")


def test_a_batch_that_matches_is_closed_and_the_next_one_begins(town: Town) -> None:
    _, first = town.sale()
    _, second = town.sale()
    town.sandbox.void(second)
    town.sale("51")
    batch = town.sandbox.close_batch(BANK)
    assert (batch.number, batch.closed, batch.matches) == (1, True, True)
    assert batch.claimed == batch.host == Sums(sales=2, sales_vnd=2 * FEE_VND, voids=1, voids_vnd=FEE_VND)
    assert [each.mti for each in batch.messages] == ["0500", "0510"]
    with pytest.raises(ControlError) as raised:
        town.sandbox.close_batch(BANK)
    assert why(raised) == (409, "empty_batch")
    with pytest.raises(ControlError) as raised:
        town.sandbox.void(first)
    assert why(raised) == (409, "no_void")
    _, third = town.sale()
    sale = town.sandbox.sale(third)
    assert (sale.batch, sale.stan) == (2, 6)  # Two sales, a void, a refusal and the settlement came before.
    assert [each.payment_id for each in town.sandbox.batch(BANK).records] == [third]


def test_a_sale_that_only_the_host_has_shows_at_the_end_of_the_day(town: Town) -> None:
    town.sale()
    _, kept = town.sale("lost")
    town.sandbox.answer_late(kept)
    batch = town.sandbox.close_batch(BANK)
    assert (batch.matches, batch.claimed.sales, batch.host.sales) == (False, 1, 2)
    assert [each.payment_id for each in batch.records if not each.matches] == [kept]
    assert [each.mti for each in batch.messages] == ["0500", "0510", "0320", "0330", "0500", "0510"]


def test_totals_may_be_claimed_that_are_not_the_terminals_own(town: Town) -> None:
    town.sale()
    batch = town.sandbox.close_batch(BANK, claimed=Sums(sales=2, sales_vnd=1))
    assert (batch.matches, batch.claimed.sales) == (False, 2)


def test_an_order_of_the_connector_is_paid_at_a_terminal_by_its_number(town: Town) -> None:
    asked = vietcombank_qn.pay("HS0001", 65_000, START)
    answer = httpx.get(f"{town.sandbox.url}/vietcombank_qn{asked.path}?{asked.query.decode()}")
    assert answer.status_code == 302
    (order,) = town.sandbox.payments(bank="vietcombank_qn")
    named = town.sandbox.name_sale("vietcombank_qn", order.order_ref)
    assert (named.payment.payment_id, named.payment.channel) == (order.payment_id, "pos")
    assert town.sandbox.insert_card(order.payment_id).payment.state == "paid"
    with pytest.raises(ControlError) as raised:
        town.sandbox.name_sale("vietcombank_qn", order.order_ref)
    assert why(raised) == (409, "unknown_order")


def test_a_bank_without_terminals_says_so(town: Town) -> None:
    with pytest.raises(ControlError, match="has no terminals"):
        town.sandbox.name_sale("sepay", "HS1")


def test_a_phone_pays_a_code_on_the_terminals_screen(town: Town) -> None:
    dossier = town.dossier()
    named = town.sandbox.name_sale(BANK, town.bill(dossier))
    assert town.sandbox.show_qr(named.payment.payment_id).stan == 1
    with httpx.Client(trust_env=False) as browser:
        walk = Payer(browser).pay(named.payment.page_url)
    assert walk.state == "paid"
    assert town.sandbox.sale(named.payment.payment_id).response_code == "00"
    assert town.status(dossier)["status"] == "paid"
    assert town.sandbox.close_batch(BANK).matches


# --- counter ---------------------------------------------------------------------------------------------------------


def notices(town: Town, payment_id: str) -> list[str]:
    town.sandbox.advance(seconds=1)
    return [each.request_body for each in town.sandbox.journal(payment_id=payment_id) if each.operation == "callback"]


def test_cash_is_told_without_a_bank_number_and_a_debited_account_with_one(town: Town) -> None:
    """vietinbank-y3-1-4-1#counter"""
    dossier, cash = town.visit()
    assert town.status(dossier)["status"] == "paid"
    assert "bankTransId" not in notices(town, cash)[0]
    dossier, debited = town.visit(paid_with="account", username="tranthib")
    assert town.status(dossier)["status"] == "paid"
    assert "bankTransId" in notices(town, debited)[0]
    assert town.sandbox.visit(debited).paid_with == "account"


def test_an_account_without_money_pays_nothing(town: Town) -> None:
    dossier, payment_id = town.visit(paid_with="account", username="hetsodu")
    assert town.sandbox.visit(payment_id).payment.outcome == "insufficient_funds"
    assert town.status(dossier)["status"] == "pending"


def test_an_account_that_nobody_has_is_refused(town: Town) -> None:
    named = town.sandbox.name_visit(BANK, town.bill(town.dossier()))
    with pytest.raises(ControlError) as raised:
        town.sandbox.take_money(named.payment.payment_id, "account", "nobody")
    assert why(raised) == (409, "no_test_account")


def test_each_teller_counts_his_own_day(town: Town) -> None:
    ids = [town.visit()[1], town.visit()[1], town.visit(teller_id="GDV02")[1]]
    slips = [town.sandbox.visit(each) for each in ids]
    assert [(each.teller_id, each.sequence) for each in slips] == [("GDV01", 1), ("GDV01", 2), ("GDV02", 1)]
    town.sandbox.advance(seconds=86_400)
    assert town.sandbox.visit(town.visit()[1]).sequence == 1


def test_money_after_the_cut_off_is_booked_on_the_next_working_day(town: Town) -> None:
    assert town.sandbox.visit(town.visit()[1]).booked_on == date(2026, 1, 5)
    merchant = next(each for each in town.sandbox.merchants() if each.bank == BANK)
    town.sandbox.set_merchant(BANK, merchant.merchant_code, options={"cut_off": "08:30"})
    dossier, late = town.visit()
    assert town.sandbox.visit(late).booked_on == date(2026, 1, 6)
    assert town.status(dossier)["status"] == "paid"


def test_a_cut_off_that_is_no_time_of_the_day_is_refused(town: Town) -> None:
    merchant = next(each for each in town.sandbox.merchants() if each.bank == BANK)
    with pytest.raises(ControlError, match="HH:MM"):
        town.sandbox.set_merchant(BANK, merchant.merchant_code, options={"cut_off": "4 pm"})


def test_a_teller_takes_back_a_mistake_on_the_same_day_only(town: Town) -> None:
    _, payment_id = town.visit()
    _, later = town.visit()
    assert town.sandbox.take_back(payment_id).payment.state == "reversed"
    town.sandbox.advance(seconds=86_400)
    for each in (payment_id, later):
        with pytest.raises(ControlError) as raised:
            town.sandbox.take_back(each)
        assert why(raised) == (409, "no_taking_back")


def test_a_wrong_code_is_corrected_days_later(town: Town) -> None:
    wrong, payment_id = town.visit()
    right = town.dossier()
    town.sandbox.advance(seconds=3 * 86_400)
    moved = town.sandbox.correct(payment_id, town.bill(right))
    before = town.sandbox.visit(payment_id)
    assert (before.payment.state, before.corrected_by) == ("reversed", moved.payment.payment_id)
    assert (moved.payment.state, moved.corrects, moved.reversal_is_told) == ("paid", payment_id, False)
    assert town.status(right)["status"] == "paid"
    assert town.status(wrong)["status"] == "paid"  # This bank has no word for a reversal.
    assert sum(each.amount_vnd for each in town.sandbox.ledger()) == FEE_VND


@pytest.mark.parametrize(("code", "status", "reason"), [("NO-SUCH-BILL", 422, "unknown_order"), ("", 409, "same_code")])
def test_a_correction_to_a_code_that_cannot_be_paid_moves_nothing(
    town: Town, code: str, status: int, reason: str
) -> None:
    _, payment_id = town.visit()
    own = town.sandbox.visit(payment_id).payment.order_ref
    with pytest.raises(ControlError) as raised:
        town.sandbox.correct(payment_id, code or own)
    assert why(raised) == (status, reason)
    assert town.sandbox.visit(payment_id).payment.state == "paid"


def test_what_was_corrected_is_not_corrected_again(town: Town) -> None:
    _, payment_id = town.visit()
    town.sandbox.correct(payment_id, town.bill(town.dossier()))
    with pytest.raises(ControlError) as raised:
        town.sandbox.correct(payment_id, town.bill(town.dossier()))
    assert why(raised) == (409, "not_paid")


def test_cash_and_a_terminal_may_pay_the_same_code_twice_and_it_shows(town: Town) -> None:
    dossier = town.dossier()
    sale = town.sandbox.name_sale(BANK, town.bill(dossier))
    visit = town.sandbox.name_visit(BANK, town.bill(dossier))
    town.sandbox.insert_card(sale.payment.payment_id)
    assert town.sandbox.visit(visit.payment.payment_id).paid_besides == (sale.payment.payment_id,)
    town.sandbox.take_money(visit.payment.payment_id)
    status = town.status(dossier)
    told = (status["status"], status["amount_paid_vnd"], status["refund_due_vnd"])
    assert told == ("paid", FEE_VND, FEE_VND)
    assert sum(each.amount_vnd for each in town.sandbox.ledger()) == 2 * FEE_VND


def test_where_nobody_can_be_asked_the_payer_names_the_amount(town: Town) -> None:
    with pytest.raises(ControlError) as raised:
        town.sandbox.name_visit("vietcombank_advice", "HS1")
    assert why(raised) == (409, "no_amount")
    named = town.sandbox.name_visit("vietcombank_advice", "HS1", amount_vnd=70_000)
    taken = town.sandbox.take_money(named.payment.payment_id, branch="0100", teller_id="GDV09")
    assert (taken.payment.state, taken.payment.amount_vnd) == ("paid", 70_000)
    told = town.sandbox.callback(taken.payment.payment_id).body.decode()
    assert '"hostInfo":{"tellerId":"GDV09","seqNo":"000001","branch":"0100"}' in told


def test_a_closed_day_takes_no_second_payment(town: Town) -> None:
    _, payment_id = town.visit()
    with pytest.raises(ControlError) as raised:
        town.sandbox.take_money(payment_id)
    assert why(raised) == (409, "waits_for_nothing")
    town.sandbox.advance(seconds=20 * 60)
    late = town.sandbox.name_visit(BANK, town.bill(town.dossier()))
    town.sandbox.advance(seconds=20 * 60)
    with pytest.raises(ControlError) as raised:
        town.sandbox.take_money(late.payment.payment_id)
    assert why(raised) == (409, "waits_for_nothing")


# --- by page and by robot --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "how", "state", "outcome"),
    [
        ("pos", {}, "paid", "success"),
        ("pos", {"host": "51"}, "failed", "insufficient_funds"),
        ("pos", {"host": "silent"}, "failed", "timed_out"),
        ("pos", {"host": "late"}, "reversed", "reversed"),
        ("counter", {}, "paid", "success"),
        ("counter", {"paid_with": "account", "username": "hetsodu"}, "failed", "insufficient_funds"),
        ("mobile", {}, "paid", "success"),
    ],
)
def test_the_robot_pays_a_bill_at_each_place(
    town: Town, channel: str, how: dict[str, str], state: str, outcome: str
) -> None:
    dossier = town.dossier()
    with httpx.Client(trust_env=False) as browser:
        walk = Payer(browser).pay_bill(town.sandbox.url, BANK, town.bill(dossier), channel, **how)
    assert (walk.state, walk.outcome) == (state, outcome)
    assert town.status(dossier)["status"] == ("paid" if state == "paid" else "pending")


def test_each_place_has_a_page_at_the_banks_that_have_it_and_nowhere_else(town: Town) -> None:
    for bank in town.sandbox.banksim.banks():
        orders = bank.shape in ("redirect", "server_create")
        asks = bank.shape == "bill"
        wanted = {
            "terminal": (orders or asks) and bool({"pos", "qr"} & {*bank.channels}),
            "counter": "counter" in bank.channels,
            "app": asks and "mobile" in bank.channels,
        }
        for place, there in wanted.items():
            answer = httpx.get(f"{town.sandbox.url}/{place}/{bank.code}")
            assert answer.status_code == (200 if there else 404), (place, bank.code)


@pytest.mark.parametrize("place", ["terminal", "counter", "app"])
@pytest.mark.parametrize(
    ("code", "refused"),
    [("NO-SUCH-BILL", "unknown_order"), ("", "bad_code"), ("A\x00B", "bad_code"), ("x" * 301, "bad_code")],
)
def test_a_page_says_why_a_code_is_not_taken(town: Town, place: str, code: str, refused: str) -> None:
    answer = httpx.post(f"{town.sandbox.url}/{place}/{BANK}", data={"bill_code": code})
    assert (answer.status_code, read_page("", 422, answer.text).refused) == (422, refused)
