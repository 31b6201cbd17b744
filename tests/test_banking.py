"""Internet Banking on its pages: session, maintenance, letters in a picture, a face; by a payer and by a robot."""

import re
from datetime import timedelta

import pytest

from simulator import payer
from simulator.bank import act, progress
from simulator.maintenance import parse_window
from simulator.pages import captcha
from simulator.payer import Problem, Stage
from simulator.payment import Channel, Event, Order, Outcome, Payment, State, Step
from tests.samples import vietcombank_qn
from tests.test_pages import Town, town  # noqa: F401
from tests.worlds import START, ask

LOGIN = {"username": "nguyenvana", "password": "banksim"}
BIG_VND = 100_000_001


@pytest.fixture
def here(town: Town) -> Town:  # noqa: F811
    return town


async def logged_in(here: Town, order_ref: str = "HS1", amount_vnd: int = 50_000, **who: str) -> Payment:
    payment = await here.order(order_ref, amount_vnd)
    await here.post(payment, "choose", channel="internet_banking", issuer="NCB")
    await here.post(payment, "login", **(LOGIN | who))
    return await here.stored(payment)


async def at(here: Town, **later: float) -> None:
    await here.world.store.set_clock("ci", START + timedelta(**later))


# --- session -----------------------------------------------------------------------------------------------------


async def test_who_does_nothing_for_ten_minutes_must_log_in_again_and_can_then_pay(here: Town) -> None:
    payment = await logged_in(here)
    await at(here, minutes=9, seconds=59)
    assert (await here.page(here.path(payment))).stage == "otp"
    await at(here, minutes=10)
    assert "Phiên đăng nhập đã hết hạn sau 10 phút" in await here.see(here.path(payment))
    await here.post(payment, "otp", otp="123456")
    assert (await here.stored(payment)).state is State.PENDING
    await here.post(payment, "login", **LOGIN)
    await here.post(payment, "otp", otp="123456")
    assert (await here.stored(payment)).state is State.PAID


async def test_whoever_does_something_stays_logged_in(here: Town) -> None:
    payment = await logged_in(here)
    await at(here, minutes=9)
    await here.post(payment, "resend")
    await at(here, minutes=13)
    await here.post(payment, "otp", otp="123456")
    assert (await here.stored(payment)).state is State.PAID


async def test_a_session_that_has_ended_forgives_no_try(here: Town) -> None:
    payment = await logged_in(here)
    for _ in range(2):
        tries = (await here.stored(payment)).otp_tries
        await here.post(payment, "otp", otp="000000", tries=str(tries))
    await at(here, minutes=10)
    assert "Bạn còn 1 lần thử." in await here.see(here.path(payment))
    await here.post(payment, "login", username="nguyenvana", password="wrong")
    assert (await here.stored(payment)).outcome is Outcome.WRONG_PASSWORD


async def test_a_wrong_log_in_wakes_no_session_that_has_ended(here: Town) -> None:
    payment = await logged_in(here)
    await at(here, minutes=10)
    answer = await here.post(payment, "login", username="nguyenvana", password="wrong")
    assert answer.headers["location"].endswith(f"problem={Problem.WRONG_LOGIN}")
    assert (await here.page(here.path(payment))).stage == "login"


async def test_after_the_session_another_way_to_pay_forgets_who_had_logged_in(here: Town) -> None:
    payment = await logged_in(here)
    await at(here, minutes=10)
    await here.post(payment, "again")
    after = await here.stored(payment)
    assert (after.step, after.payer_account) == (Step.CHOOSE, "")
    await act(here.world, payment.payment_id, Event.APPROVE)
    assert await here.world.store.purses("ci") == []


async def test_the_session_ends_before_the_camera_too(here: Town) -> None:
    payment = await logged_in(here, amount_vnd=BIG_VND)
    await here.post(payment, "otp", otp="123456")
    await at(here, minutes=10)
    assert (await here.page(here.path(payment))).stage == "login"
    await here.post(payment, "biometrics", face="match")
    assert (await here.stored(payment)).state is State.PENDING


def test_what_a_connector_has_collected_itself_has_no_session() -> None:
    order = Order(order_ref="A", order_key="A", amount_vnd=50_000, channel=Channel.INTERNET_BANKING, issuer_code="NCB")
    payment = Payment(
        payment_id="p1",
        bank="vnpay",
        merchant_code="M",
        order=order,
        amount_vnd=50_000,
        bank_ref="1",
        created_at=START,
        channel=order.channel,
        issuer_code="NCB",
    )
    presented = payer.present("100000000001")(payment, START)
    assert payer.stage(presented, START + timedelta(hours=1)) is Stage.OTP


# --- maintenance -------------------------------------------------------------------------------------------------


async def closed(here: Town, window: str) -> None:
    await here.worlds.set_maintenance("ci", parse_window(window))


async def test_in_the_hours_of_maintenance_nobody_logs_in_and_nothing_is_lost(here: Town) -> None:
    payment = await here.order()
    await here.post(payment, "choose", channel="internet_banking", issuer="NCB")
    await closed(here, "10:00-10:10")
    shown = await here.see(here.path(payment))
    assert "Ngân hàng đang bảo trì hệ thống ban đêm." in shown
    assert "10:10:00 22/11/2026" in shown
    assert 'name="password"' not in shown
    for login in (LOGIN, LOGIN | {"password": "wrong"}):
        answer = await here.post(payment, "login", **login)
        assert answer.headers["location"].endswith(f"problem={Problem.MAINTENANCE}")
    after = await here.stored(payment)
    assert (after.state, after.otp_tries, after.payer_account) == (State.PENDING, 0, "")
    await at(here, minutes=10)
    await here.post(payment, "login", **LOGIN)
    assert (await here.page(here.path(payment))).stage == "otp"


async def test_who_is_inside_when_maintenance_begins_is_told_and_can_go_on_afterwards(here: Town) -> None:
    payment = await logged_in(here)
    await closed(here, "10:01-10:04")
    await at(here, minutes=1)
    assert "Ngân hàng đang bảo trì" in await here.see(here.path(payment))
    for otp in ("123456", "000000"):
        await here.post(payment, "otp", otp=otp)
    assert (await here.stored(payment)).otp_tries == 0
    await at(here, minutes=4)
    await here.post(payment, "otp", otp="123456")
    assert (await here.stored(payment)).state is State.PAID


async def test_maintenance_stops_neither_cards_nor_codes_nor_connectors(here: Town) -> None:
    await closed(here, "00:00-23:59")
    scanned, carded = await here.order("QR"), await here.order("CARD")
    for payment, channel in ((scanned, "qr"), (carded, "card")):
        url = here.world.page_url(payment.payment_id)
        walk = await here.do(lambda robot, url=url, channel=channel: robot.pay(url, channel=channel))  # type: ignore[misc]
        assert walk.state == "paid"


async def test_a_payer_kept_out_can_still_give_up_or_choose_another_way(here: Town) -> None:
    payment = await here.order()
    await here.post(payment, "choose", channel="internet_banking", issuer="NCB")
    await closed(here, "00:00-23:59")
    assert [form for form in (await here.page(here.path(payment))).forms if "login" in form.action] == []
    await here.post(payment, "again")
    assert (await here.page(here.path(payment))).stage == "choose"


# --- letters in a picture ----------------------------------------------------------------------------------------


async def with_letters(here: Town, order_ref: str = "HS1") -> Payment:
    await ask(here.world, "vietcombank_qn", vietcombank_qn.pay(order_ref, 50_000, START))
    (payment,) = await here.world.store.payments("ci", order_ref=order_ref)
    if payment.channel is None:
        await here.post(payment, "choose", channel="internet_banking", issuer="VIETCOMBANK")
    return await here.stored(payment)


def drawing(text: str) -> str:
    found = re.search(r'<svg class="captcha".*?</svg>', text)
    assert found is not None
    return found[0]


async def test_wrong_letters_cost_no_try_and_bring_another_picture(here: Town) -> None:
    payment = await with_letters(here)
    first = await here.see(here.path(payment))
    answer = await here.post(payment, "login", captcha="WRONG", picture="0", **LOGIN)
    assert answer.headers["location"] == f"{here.path(payment)}?problem={Problem.WRONG_CAPTCHA}&picture=1"
    second = await here.see(answer.headers["location"])
    assert "Mã kiểm tra không đúng" in second
    assert drawing(first) != drawing(second)
    assert (await here.stored(payment)).otp_tries == 0


async def test_the_right_letters_let_the_password_be_judged(here: Town) -> None:
    payment = await with_letters(here)
    page = await here.page(f"{here.path(payment)}?picture=7")
    letters = page.hints["captcha"].lower()
    wrong = await here.post(payment, "login", captcha=letters, picture="7", username="nguyenvana", password="wrong")
    assert wrong.headers["location"].endswith(f"problem={Problem.WRONG_LOGIN}")
    stale = await here.post(payment, "login", captcha=letters, picture="7", **LOGIN)
    assert Problem.WRONG_CAPTCHA in stale.headers["location"], "a wrong password brings another picture"
    fresh = (await here.page(here.path(payment))).hints["captcha"]
    await here.post(payment, "login", captcha=f" {fresh} ", picture="0", **LOGIN)
    assert (await here.page(here.path(payment))).stage == "otp"


async def test_a_robot_reads_the_hint_and_pays(here: Town) -> None:
    payment = await with_letters(here)
    url = here.world.page_url(payment.payment_id)
    walk = await here.do(lambda robot: robot.pay(url, issuer="VIETCOMBANK"))
    assert walk.state == "paid"


async def test_no_other_bank_and_no_test_wants_letters(here: Town) -> None:
    other = await here.order("OTHER")
    await here.post(other, "choose", channel="internet_banking", issuer="NCB")
    assert "captcha" not in await here.see(here.path(other))
    payment = await with_letters(here)
    await progress(here.world, payment.payment_id, payer.log_in("nguyenvana", "banksim"))
    assert (await act(here.world, payment.payment_id, Event.APPROVE)).state is State.PAID


async def test_one_seed_draws_the_same_pictures_and_another_seed_others(here: Town) -> None:
    payment = await with_letters(here)
    again = captcha.drawn(here.world, payment, {})
    assert again == captcha.drawn(here.world, payment, {"picture": "x"})
    other = await here.worlds.create("other", seed="43", clock_at=START)
    assert captcha.drawn(other, payment, {}).picture != again.picture
    assert {captcha.drawn(here.world, payment, {"picture": str(n)}).answer for n in range(20)} != {again.answer}


async def test_every_letter_can_be_drawn_inside_the_picture(here: Town) -> None:
    payment = await with_letters(here)
    letters: set[str] = set()
    for number in range(200):
        drawn = captcha.drawn(here.world, payment, {"picture": str(number)})
        letters |= set(drawn.answer)
        path = re.search(r'class="letters" d="([^"]+)"', drawn.picture)
        assert path is not None
        points = [float(each) for each in re.findall(r"-?[0-9.]+", path[1])]
        assert all(0 <= x <= captcha.WIDTH for x in points[::2])
        assert all(0 <= y <= captcha.HEIGHT for y in points[1::2])
    assert len(letters) == 22


# --- face --------------------------------------------------------------------------------------------------------


async def test_a_robot_passes_the_camera_or_is_sent_to_a_branch(here: Town) -> None:
    outcomes = []
    for order_ref, face in (("A", "match"), ("B", "mismatch")):
        payment = await here.order(order_ref, BIG_VND)
        url = here.world.page_url(payment.payment_id)
        walk = await here.do(lambda robot, url=url, face=face: robot.pay(url, username="tranthib", face=face))  # type: ignore[misc]
        outcomes.append(walk.outcome)
    assert outcomes == [Outcome.SUCCESS, Outcome.OVER_LIMIT]


async def test_the_phone_that_scans_a_large_transfer_looks_at_the_face(here: Town) -> None:
    account = next(each.options["account"] for each in here.world.merchants.values() if each.bank == "sepay")
    form = {"account": account, "amount_vnd": "10000001", "content": "HS-CK", "username": "tranthib"}
    answer = await here.http.post("/s/ci/phone/transfer", data=form)
    assert (await here.page(answer.headers["location"])).stage == "biometrics"
    await here.http.post(f"{answer.headers['location']}/biometrics", data={"face": "match"})
    (payment,) = await here.world.store.payments("ci", order_ref="HS-CK")
    assert payment.state is State.PAID


@pytest.mark.parametrize("form", [{}, {"face": ""}, {"face": "MATCH"}])
async def test_only_a_clear_match_is_one(here: Town, form: dict[str, str]) -> None:
    payment = await logged_in(here, amount_vnd=BIG_VND)
    await here.post(payment, "otp", otp="123456")
    await here.post(payment, "biometrics", **form)
    assert (await here.stored(payment)).outcome is Outcome.OVER_LIMIT


async def test_who_is_not_asked_for_a_face_shows_none(here: Town) -> None:
    payment = await logged_in(here)
    await here.post(payment, "biometrics", face="match")
    assert (await here.stored(payment)).state is State.PENDING


# --- what is told of the accounts --------------------------------------------------------------------------------


async def test_who_has_logged_in_sees_what_his_account_has_and_may_still_pay(here: Town) -> None:
    payment = await logged_in(here, username="hanmucngay")
    shown = await here.see(here.path(payment))
    assert "MAI VAN HAN MUC NGAY" in shown
    assert "100.000.000 đ" in shown
    assert "2.000.000 đ" in shown
    await here.post(payment, "otp", otp="123456")
    again = await logged_in(here, "HS2", username="hanmucngay")
    shown = await here.see(here.path(again))
    assert "99.950.000 đ" in shown
    assert "1.950.000 đ" in shown


async def test_the_log_in_tells_testers_what_each_account_does(here: Town) -> None:
    payment = await here.order()
    await here.post(payment, "choose", channel="internet_banking", issuer="NCB")
    shown = await here.see(f"{here.path(payment)}?lang=en")
    for username in payer.accounts():
        assert f"<code>{username}</code>" in shown
    assert "At most 1,000,000 VND at once" in shown
    assert "50,000 VND" in shown


async def test_the_accounts_page_shows_todays_spending_of_its_own_sandbox(here: Town) -> None:
    payment = await logged_in(here, username="vuadu")
    await here.post(payment, "otp", otp="123456")
    row = next(each for each in (await here.see("/s/ci/accounts")).split("<tr>") if ">vuadu<" in each)
    assert row.count("50.000 đ") == 2, "today and in all"
    assert ">0 đ<" in row, "nothing is left"
    row = next(each for each in (await here.see("/accounts")).split("<tr>") if ">vuadu<" in each)
    assert row.count("50.000 đ") == 1, "the balance"


async def test_an_unknown_sandbox_has_no_accounts(here: Town) -> None:
    await here.see("/s/nowhere/accounts", 404)
