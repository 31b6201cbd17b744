"""Messages to payers leave the portal: once each, again while nobody takes them, and after a restart."""

import json
from pathlib import Path

import httpx
import pytest

from tests.portals import FEE_VND, Running, running

INBOX = "http://bank.test/inbox"


class Gateway:
    """Takes messages, or answers as it is told."""

    def __init__(self, status: int = 202) -> None:
        self.status = status
        self.refused = ""
        self.taken: list[tuple[str, dict[str, str]]] = []

    def serve(self, request: httpx.Request) -> httpx.Response:
        message = json.loads(request.content)
        if message["to"] == self.refused:
            return httpx.Response(400, stream=httpx.ByteStream(b"{}"))
        if self.status < 300:
            self.taken.append((request.url.path, message))
        return httpx.Response(self.status, stream=httpx.ByteStream(b"{}"))


def behind(portal: Running, gateway: Gateway) -> None:
    """What the portal says to the inbox goes to `gateway`, all else to the bank."""
    bank = portal.bank.serve

    def serve(request: httpx.Request) -> httpx.Response:
        return gateway.serve(request) if request.url.path.startswith("/inbox/") else bank(request)

    portal.bank.serve = serve  # type: ignore[method-assign]
    portal.portal.line._http._transport = httpx.MockTransport(serve)


async def paid(portal: Running, **applicant: str) -> None:
    await portal.declare(**applicant)
    order_ref = (await portal.open("vnpay"))["order_ref"]
    await portal.vnpay(order_ref)


async def test_a_text_message_goes_to_the_phone(tmp_path: Path) -> None:
    gateway = Gateway()
    async with running(tmp_path, inbox_url=INBOX) as portal:
        behind(portal, gateway)
        await paid(portal)
        await portal.run_jobs()
        await portal.run_jobs()
    ((path, message),) = gateway.taken
    assert (path, message["to"]) == ("/inbox/sms", "0912345678")
    assert "50.000 đ" in message["text"]
    assert "HS-1" in message["text"]


async def test_an_e_mail_goes_to_whom_has_no_phone(tmp_path: Path) -> None:
    gateway = Gateway()
    async with running(tmp_path, inbox_url=INBOX) as portal:
        behind(portal, gateway)
        await paid(portal, phone="", email="a@example.vn")
        await portal.run_jobs()
    ((path, message),) = gateway.taken
    assert (path, message["to"], message["subject"]) == ("/inbox/email", "a@example.vn", "Biên lai hồ sơ HS-1")


@pytest.mark.parametrize("status", [400, 500, 302])
async def test_what_nobody_took_is_sent_later_even_after_a_restart(tmp_path: Path, status: int) -> None:
    gateway = Gateway(status)
    async with running(tmp_path, inbox_url=INBOX) as portal:
        behind(portal, gateway)
        await paid(portal)
        await portal.run_jobs()
        assert gateway.taken == []
    gateway.status = 202
    async with running(tmp_path, inbox_url=INBOX) as portal:
        behind(portal, gateway)
        await portal.run_jobs()
        await portal.run_jobs()
        assert (await portal.status())["amount_paid_vnd"] == FEE_VND
    assert len(gateway.taken) == 1


async def test_a_message_that_nobody_takes_holds_up_no_other(tmp_path: Path) -> None:
    gateway = Gateway()
    gateway.refused = "0900000000"
    async with running(tmp_path, inbox_url=INBOX) as portal:
        behind(portal, gateway)
        for number, phone in enumerate(("0900000000", "0911111111", "0922222222")):
            await portal.declare(f"HS-{number}", phone=phone)
            await portal.vnpay((await portal.open("vnpay", f"HS-{number}"))["order_ref"])
        await portal.run_jobs()
        await portal.run_jobs()
    assert [message["to"] for _, message in gateway.taken] == ["0911111111", "0922222222"]


async def test_the_same_message_has_the_same_number_every_time(tmp_path: Path) -> None:
    gateway = Gateway()
    async with running(tmp_path, inbox_url=INBOX) as portal:
        behind(portal, gateway)
        await paid(portal)
        await portal.run_jobs()
        with portal.portal.books.writing() as entries:
            entries._run("UPDATE notifications SET sent = 0")
        await portal.run_jobs()
    assert len(gateway.taken) == 2
    assert gateway.taken[0] == gateway.taken[1]


async def test_nobody_is_told_without_a_gateway_or_an_address(tmp_path: Path) -> None:
    gateway = Gateway()
    async with running(tmp_path) as portal:
        behind(portal, gateway)
        await paid(portal)
        await portal.run_jobs()
    (tmp_path / "second").mkdir()
    async with running(tmp_path / "second", inbox_url=INBOX) as portal:
        behind(portal, gateway)
        await paid(portal, phone="", email="")
        await portal.run_jobs()
    assert gateway.taken == []
