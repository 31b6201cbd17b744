"""Facts about the inbox: what portals and banks send to payers can be read, and nothing leaves the machine."""

import smtplib
import socket
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import payer
from simulator.app import App
from simulator.bank import act, progress
from simulator.client import Banksim, ControlError
from simulator.delivery import Courier
from simulator.faults import Fault, FaultKind
from simulator.inbox import NotALetter, fields_of, fields_of_mail, sandbox_of
from simulator.letter import TEXT_MAX, LetterKind, bank_letters, recipient_of
from simulator.pages import create_pages
from simulator.payment import Channel, Event, Payment
from simulator.world import World, Worlds
from tests.samples.vnpay import vnpay_pay
from tests.test_cli import banksim, serving
from tests.worlds import START, ask, worlds_in


def nobody_objects(method: str, host: str, origin: str, authorization: str) -> None:
    return None


@pytest.fixture
async def worlds(tmp_path: Path) -> AsyncIterator[Worlds]:
    async with worlds_in(tmp_path) as opened:
        await opened.create("default", seed="1")
        yield opened


@pytest.fixture
async def world(worlds: Worlds) -> World:
    return await worlds.create("ci", seed="1", clock_at=START)


@pytest.fixture
async def http(worlds: Worlds, world: World) -> AsyncIterator[httpx.AsyncClient]:
    courier = Courier(worlds, "node")
    app = App(worlds, courier, create_pages(worlds, courier, nobody_objects), "1")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://banksim.test") as client:
        yield client


# --- by HTTP -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [("to", "text"), ("phone", "message"), ("phoneNumber", "content"), ("mobile", "body"), ("Phone", "Content")],
)
@pytest.mark.parametrize("form", [False, True])
async def test_a_text_message_is_kept_whatever_a_gateway_calls_its_parts(
    http: httpx.AsyncClient, world: World, names: tuple[str, str], form: bool
) -> None:
    fields = dict(zip(names, ("+84 912 345 678", "Hồ sơ HS1 đã nộp phí"), strict=True))
    sent = {"data": fields} if form else {"json": fields}
    answer = await http.post("/s/ci/inbox/sms", **sent)  # type: ignore[arg-type]
    assert answer.status_code == 202
    ((number, letter),) = await world.store.letters("ci")
    assert (answer.json(), letter.kind) == ({"id": number}, LetterKind.SMS)
    assert (letter.recipient, letter.text, letter.at) == ("0912345678", "Hồ sơ HS1 đã nộp phí", START)


async def test_an_email_has_a_subject_and_its_address_in_lower_case(http: httpx.AsyncClient, world: World) -> None:
    sent = {"to": " A@Example.VN ", "subject": "Biên lai", "text": "Số 7", "from": "dvc@h17.vn"}
    assert (await http.post("/s/ci/inbox/email", json=sent)).status_code == 202
    ((_, letter),) = await world.store.letters("ci", recipient="a@example.vn")
    assert (letter.subject, letter.text, letter.sender) == ("Biên lai", "Số 7", "dvc@h17.vn")


async def test_a_message_sent_again_under_its_own_number_is_kept_once(http: httpx.AsyncClient, world: World) -> None:
    sent = {"to": "0912345678", "text": "x", "request_id": "HS1/1"}
    first = (await http.post("/s/ci/inbox/sms", json=sent)).json()
    assert (await http.post("/s/ci/inbox/sms", json=sent)).json() == first
    for other in ({"request_id": "HS1/2"}, {"to": "0912345679"}, {"request_id": ""}, {"request_id": ""}):
        assert (await http.post("/s/ci/inbox/sms", json=sent | other)).json() != first
    assert len(await world.store.letters("ci")) == 5


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        (b'{"text": "x"}', "recipient"),
        (b'{"to": "0912345678"}', "nothing to say"),
        (b'{"to": "nobody", "text": "x"}', "recipient"),
        (b"[]", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"", "JSON"),
        (b'{"to": "0912345678", "text": "' + b"x" * 300_000 + b'"}', "larger"),
    ],
)
async def test_what_is_no_message_is_refused_with_what_is_missing(
    http: httpx.AsyncClient, world: World, body: bytes, missing: str
) -> None:
    answer = await http.post("/s/ci/inbox/sms", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert missing in answer.json()["detail"]
    assert await world.store.letters("ci") == []


async def test_a_sandbox_reads_only_its_own(http: httpx.AsyncClient, worlds: Worlds, world: World) -> None:
    await http.post("/inbox/sms", json={"to": "0912345678", "text": "x"})
    assert await world.store.letters("ci") == []
    assert len(await worlds.store.letters("default")) == 1
    assert (await http.post("/s/none/inbox/sms", json={"to": "0912345678", "text": "x"})).status_code == 404


async def test_the_page_shows_letters_as_text(http: httpx.AsyncClient, world: World) -> None:
    await http.post("/s/ci/inbox/sms", json={"to": "0912345678", "text": "<script>alert(1)</script>"})
    shown = (await http.get("/s/ci/inbox?lang=en")).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "0912345678" in shown
    assert "Text message" in shown


SMS = {"to": "0912345678", "text": "x"}


def broken(kind: str, times: int = 1, operation: str = "inbox", skip: int = 0) -> tuple[Fault, ...]:
    return (Fault(fault_id="f", kind=FaultKind(kind), operation=operation, times=times, skip=skip),)


@pytest.mark.parametrize(("kind", "status", "kept"), [("http_500", 503, 0), ("answer_lost", 504, 1)])
async def test_an_outage_that_was_asked_for_breaks_the_gateway_once(
    http: httpx.AsyncClient, world: World, kind: str, status: int, kept: int
) -> None:
    await world.store.set_faults(world.name, broken(kind, skip=1))
    statuses = [(await http.post("/s/ci/inbox/sms", json=SMS)).status_code for _ in range(3)]
    assert statuses == [202, status, 202]
    assert len(await world.store.letters(world.name, limit=10)) == 2 + kept
    assert (await world.store.sandbox(world.name)).faults == ()


async def test_a_fault_at_the_banks_is_none_of_the_gateways(http: httpx.AsyncClient, world: World) -> None:
    await world.store.set_faults(world.name, broken("http_500", 0, ""))
    assert (await http.post("/s/ci/inbox/sms", json=SMS)).status_code == 202


def test_an_outage_can_be_asked_for_from_outside(tmp_path: Path) -> None:
    with serving(tmp_path) as served, Banksim(served.url) as there:
        there.sandbox().add_fault("http_500", operation="inbox", times=2)
        assert httpx.post(f"{served.url}/inbox/sms", json=SMS, trust_env=False).status_code == 503
        with pytest.raises(ControlError, match="no operation"):
            there.sandbox().add_fault("lost", operation="inbox")
        with pytest.raises(ControlError, match="no operation"):
            there.sandbox().add_fault("http_500", bank="vnpay", operation="inbox")


@given(st.binary(max_size=400))
def test_no_bytes_break_the_inbox(body: bytes) -> None:
    try:
        fields = fields_of(body, None)
    except NotALetter:
        return
    assert all(isinstance(value, str) for value in fields.values())


# --- by SMTP -----------------------------------------------------------------------------------------------------


def mail(to: str, text: str, html: str = "") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "dvc@h17.vn", to, "Biên lai điện tử"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message


def test_a_mail_client_reaches_the_sandbox_that_the_address_names(tmp_path: Path) -> None:
    with serving(tmp_path, "--sandbox", "ci", "--smtp-port", "0") as served:
        host, _, port = served.told("smtp").partition(":")
        with smtplib.SMTP(host, int(port), timeout=10) as client:
            client.send_message(mail("Nguoi.Nop@ci.sandbox", "Đã nhận 20.000 đ", "<b>html</b>"))
            client.send_message(mail("khac@example.vn", "hai"))
            with pytest.raises(smtplib.SMTPRecipientsRefused, match=r"there is no sandbox none"):
                client.send_message(mail("x@none.sandbox", "ba"))
        with Banksim(served.url) as there:
            (letter,) = there.sandbox("ci").inbox(to="nguoi.nop@ci.sandbox")
            assert (letter.kind, letter.subject, letter.text) == ("email", "Biên lai điện tử", "Đã nhận 20.000 đ")
            assert [each.text for each in there.sandbox().inbox()] == ["hai"]


def test_a_port_that_is_taken_is_said_so(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = banksim("serve", "--port", "0", "--smtp-port", str(port), folder=tmp_path)
    assert done.returncode == 1
    assert f"cannot listen at 127.0.0.1 port {port}" in done.stderr
    assert "choose another --smtp-port" in done.stderr


@pytest.mark.parametrize(
    ("address", "sandbox"),
    [("a@ci.sandbox", "ci"), ("a@CI.Sandbox", "ci"), ("a@example.vn", "default"), ("a", "default")],
)
def test_an_address_names_its_sandbox(address: str, sandbox: str) -> None:
    assert sandbox_of(address) == sandbox


@given(st.binary(max_size=400))
def test_no_mail_breaks_the_inbox(content: bytes) -> None:
    fields = fields_of_mail(content, "a@b", "c@d")
    assert fields["to"] == "c@d"


# --- what banks send ---------------------------------------------------------------------------------------------


async def paying(world: World) -> Payment:
    await ask(world, "vnpay", vnpay_pay("HS1", 20_000, START))
    (payment,) = await world.store.payments(world.name)
    await progress(world, payment.payment_id, payer.choose(Channel.INTERNET_BANKING, "NCB"))
    return await progress(world, payment.payment_id, payer.log_in("nguyenvana", "banksim"))


def sent(payment: Payment) -> list[str]:
    return [letter.text for letter in bank_letters(payment, "NCB", payer.test_otp(payment))]


async def test_a_one_time_password_says_what_it_is_for(world: World) -> None:
    (text,) = sent(await paying(world))
    assert "OTP 123456" in text
    assert "20,000VND cho HS1" in text


async def test_the_balance_message_tells_what_was_taken(world: World) -> None:
    payment = await paying(world)
    paid = await progress(world, payment.payment_id, payer.give_otp("123456"))
    _, balance = sent(paid)
    assert f"TK ...{paid.payer_account[-4:]} -20,000VND luc 10:00 22/11/2026" in balance
    reversed_ = await act(world, payment.payment_id, Event.REVERSE)
    assert "+20,000VND" in sent(reversed_)[-1]


async def test_who_was_not_debited_gets_no_balance_message(world: World) -> None:
    payment = await paying(world)
    failed = await act(world, payment.payment_id, Event.DECLINE)
    assert [text for text in sent(failed) if text.startswith("TK")] == []


# --- spelling ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["0912345678", "+84912345678", "84 912 345 678", "091.234.5678", "(0912) 345-678"])
def test_one_phone_has_one_spelling(given: str) -> None:
    assert recipient_of(LetterKind.SMS, given) == "0912345678"


async def test_a_long_text_is_cut(http: httpx.AsyncClient, world: World) -> None:
    await http.post("/s/ci/inbox/sms", json={"to": "0912345678", "text": "x" * (TEXT_MAX + 1)})
    ((_, letter),) = await world.store.letters("ci")
    assert len(letter.text) == TEXT_MAX
