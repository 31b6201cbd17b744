"""The control API in process: what it does, and how it says no."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from conformance.targets.portal.protocols.vietqr import transfer_code
from simulator import answering, chosen, client, reconciling
from simulator.banks import dialects
from simulator.control import Control, create_control
from simulator.control.faults import ANSWERED
from simulator.control.guard import Guard
from simulator.faults import FAULTS, MEANINGS, FaultKind
from simulator.payee import takes_transfers
from simulator.payer import ASSUMPTIONS
from simulator.qr import vietqr
from simulator.world import Worlds
from tests.samples.napas import hosted_form
from tests.samples.vnpay import vnpay_pay
from tests.worlds import START, Connector, ask, connector, courier_of, worlds_in

HERE = "http://127.0.0.1:8080"
CI = "/_control/sandboxes/ci"


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls the control API of `worlds`; a sandbox `ci` on a manual clock at START is there."""

    http: httpx.AsyncClient
    worlds: Worlds
    connector: Connector
    control: Control

    async def get(self, path: str, status: int = 200, **params: Any) -> Any:
        return _read(await self.http.get(path, params=params), status)

    async def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        return _read(await self.http.post(path, json=body), status)

    async def put(self, path: str, body: Any, status: int = 200) -> Any:
        return _read(await self.http.put(path, json=body), status)

    async def delete(self, path: str, status: int = 204) -> Any:
        return _read(await self.http.delete(path), status)

    async def payment_id(self, order_ref: str = "A1", amount_vnd: int = 50_000) -> str:
        """A pending VNPAY payment of the sandbox `ci`."""
        await ask(await self.worlds.get("ci"), "vnpay", vnpay_pay(order_ref, amount_vnd, START))
        [found] = await self.get(f"{CI}/payments", order_ref=order_ref)
        return str(found["payment_id"])


def _read(response: httpx.Response, status: int) -> Any:
    assert response.status_code == status, response.text
    return response.json() if response.content else None


@asynccontextmanager
async def calling(folder: Path, guard: Guard) -> AsyncIterator[Caller]:
    async with worlds_in(folder) as worlds, courier_of(worlds) as courier, connector() as merchant:
        control = create_control(worlds, courier, guard)
        await worlds.create("default", seed="1")
        await worlds.create("ci", seed="42", clock_at=START)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(control), base_url=HERE) as http:
            caller = Caller(http, worlds, merchant, control)
            await caller.put(f"{CI}/merchants/vnpay/DEMOV210", {"callback_url": f"{merchant.url}/ipn"})
            yield caller


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Caller]:
    async with calling(tmp_path, Guard()) as caller:
        yield caller


# --- sandboxes -----------------------------------------------------------------------------------------------


async def test_a_sandbox_is_made_with_what_was_asked_for(api: Caller) -> None:
    wanted = {"name": "a-1", "seed": 7, "clock_at": "2026-01-05T09:00:00+07:00"}
    made = await api.post("/_control/sandboxes", wanted, 201)
    assert (made["name"], made["seed"], made["manual"]) == ("a-1", "7", True)
    assert made["now"] == "2026-01-05T02:00:00Z"
    assert made["base_url"] == "http://banksim.test/s/a-1"
    assert made["banks"] == {code: f"http://banksim.test/s/a-1/{code}" for code in dialects()}
    assert ("vnpay", "DEMOV210") in {(each["bank"], each["merchant_code"]) for each in made["merchants"]}
    assert await api.get("/_control/sandboxes/a-1") == made


async def test_a_sandbox_needs_no_wishes(api: Caller) -> None:
    first, second = [await api.post("/_control/sandboxes", {}, 201) for _ in range(2)]
    assert first["name"] != second["name"]
    assert first["seed"] != second["seed"]
    assert not first["manual"]


async def test_a_name_is_given_once(api: Caller) -> None:
    refusal = await api.post("/_control/sandboxes", {"name": "ci"}, 409)
    assert "ci/reset" in refusal["detail"]


async def test_a_set_clock_is_a_manual_one(api: Caller) -> None:
    body = {"manual": False, "clock_at": "2026-01-05T09:00:00Z"}
    assert "`manual` is false" in (await api.post("/_control/sandboxes", body, 400))["detail"]


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b", "x" * 64, "phí"])
async def test_a_name_must_stand_in_a_url(api: Caller, name: str) -> None:
    assert "Body field `name`" in (await api.post("/_control/sandboxes", {"name": name}, 400))["detail"]


async def test_all_sandboxes_are_listed(api: Caller) -> None:
    assert {each["name"] for each in await api.get("/_control/sandboxes")} == {"default", "ci"}


async def test_a_dropped_sandbox_is_gone(api: Caller) -> None:
    await api.delete(CI)
    assert "There is no sandbox 'ci'" in (await api.get(CI, 404))["detail"]


async def test_the_default_sandbox_stays(api: Caller) -> None:
    assert "default/reset" in (await api.delete("/_control/sandboxes/default", 409))["detail"]


async def test_reset_empties_a_sandbox_and_keeps_its_merchants(api: Caller) -> None:
    payment_id = await api.payment_id()
    await api.post(f"{CI}/payments/{payment_id}/events", {"event": "approve"})
    await api.post(f"{CI}/faults", {"kind": "lost"}, 201)
    await api.post(f"{CI}/clock", {"advance_s": 60})
    told = await api.post(f"{CI}/reset", {"seed": "43", "clock_at": "2026-01-05T09:00:00Z"})
    assert (told["seed"], told["now"]) == ("43", "2026-01-05T09:00:00Z")
    for part in ("payments", "faults", "journal", "deliveries", "ledger"):
        assert await api.get(f"{CI}/{part}") == []
    assert (await api.get(f"{CI}/totals"))["payments"] == 0
    [vnpay] = [each for each in await api.get(f"{CI}/merchants") if each["bank"] == "vnpay"]
    assert vnpay["callback_url"] == f"{api.connector.url}/ipn"


async def test_reset_needs_no_body_and_puts_a_manual_clock_to_the_machines_time(api: Caller) -> None:
    await api.post(f"{CI}/clock", {"advance_s": 60})
    assert (await api.post(f"{CI}/reset"))["now"] == START.isoformat().replace("+00:00", "Z")


async def test_the_machines_clock_is_not_set_by_reset(api: Caller) -> None:
    body = {"clock_at": "2026-01-05T09:00:00Z"}
    assert "machine's clock" in (await api.post("/_control/sandboxes/default/reset", body, 409))["detail"]


# --- merchants -----------------------------------------------------------------------------------------------


async def test_a_merchant_is_changed_in_part(api: Caller) -> None:
    path = f"{CI}/merchants/vnpay/DEMOV210"
    told = await api.put(path, {"return_hosts": ["portal.test"], "options": {"a": "1"}})
    assert told["callback_url"] == f"{api.connector.url}/ipn"
    assert told["return_hosts"] == ["portal.test"]
    told = await api.put(path, {"secrets": {"secret": "another"}, "options": {"b": "2"}})
    assert (told["secrets"], told["options"]) == ({"secret": "another"}, {"a": "1", "b": "2"})
    assert told in await api.get(f"{CI}/merchants")


async def test_a_merchants_change_leaves_time_and_faults_alone(api: Caller) -> None:
    await api.post(f"{CI}/clock", {"advance_s": 3600})
    await api.post(f"{CI}/faults", {"kind": "lost"}, 201)
    await api.put(f"{CI}/merchants/vnpay/DEMOV210", {"name": "Portal"})
    assert (await api.get(f"{CI}/clock"))["now"] == "2026-11-22T04:00:00Z"
    assert len(await api.get(f"{CI}/faults")) == 1


async def test_a_new_merchant_comes_with_its_secrets(api: Caller) -> None:
    path = f"{CI}/merchants/vnpay/SECOND01"
    assert "needs the secret 'secret'" in (await api.put(path, {"name": "Second"}, 400))["detail"]
    told = await api.put(path, {"secrets": {"secret": "s2"}})
    assert told["merchant_code"] == "SECOND01"
    assert len([each for each in await api.get(f"{CI}/merchants") if each["bank"] == "vnpay"]) == 2


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        ("nobank/X", {}, 404, "There is no bank 'nobank'; there are: "),
        ("vnpay/DEMOV210", {"secrets": {"key": "x"}}, 400, "its secrets are: secret"),
        ("vnpay/DEMOV210", {"secrets": {"secret": ""}}, 400, "needs the secret 'secret'"),
        ("vnpay/DEMOV210", {"callback_url": "portal.test/ipn"}, 400, "Body field `callback_url`"),
        ("vnpay/DEMOV210", {"calback_url": "http://a.test"}, 400, "Body field `calback_url`: there is no such field"),
        ("vietinbank/9111", {"secrets": {"biller_public_key": "x"}}, 400, "must be an RSA key in PEM"),
        ("vietinbank/9111", {"secrets": {"bank_private_key": "x"}}, 400, "must be a private key in PEM"),
    ],
)
async def test_a_merchant_that_could_not_work_is_refused(
    api: Caller, path: str, body: Any, status: int, told: str
) -> None:
    assert told in (await api.put(f"{CI}/merchants/{path}", body, status))["detail"]


async def test_a_refused_secret_is_not_shown(api: Caller) -> None:
    response = await api.http.put(f"{CI}/merchants/vnpay/DEMOV210", json={"secrets": "hush-hush"})
    assert response.status_code == 400
    assert "hush" not in response.text


async def test_retries_are_set_for_one_bank(api: Caller) -> None:
    told = await api.put(f"{CI}/retries/vnpay", {"delays_s": [1, 2]})
    assert told == {"bank": "vnpay", "delays_s": [1, 2], "timeout_s": dialects()["vnpay"].retry.timeout_s}
    api.connector.answer = lambda method, path, body: web.Response(status=500)
    payment_id = await api.payment_id()
    await api.post(f"{CI}/payments/{payment_id}/events", {"event": "approve"})
    assert (await api.post(f"{CI}/clock", {"advance_s": 3600}))["attempts"] == 3
    assert [each["state"] for each in await api.get(f"{CI}/deliveries")] == ["exhausted"]


# --- the clock -----------------------------------------------------------------------------------------------


async def test_on_a_manual_clock_callbacks_go_out_only_when_it_is_moved(api: Caller) -> None:
    payment_id = await api.payment_id()
    await api.post(f"{CI}/payments/{payment_id}/events", {"event": "approve"})
    assert api.connector.requests == []
    assert await api.post(f"{CI}/clock", {"advance_s": 0}) == {
        "now": "2026-11-22T03:00:00Z",
        "manual": True,
        "attempts": 1,
    }
    assert len(api.connector.requests) == 1


async def test_a_clock_moves_to_an_instant(api: Caller) -> None:
    assert (await api.post(f"{CI}/clock", {"to": "2026-11-22T11:00:00+07:00"}))["now"] == "2026-11-22T04:00:00Z"


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"to": "2026-11-22T02:59:59Z"}, 409, "never goes back"),
        ({"to": "2026-11-22T05:00:00"}, 400, "timezone"),
        ({"to": "9999-01-01T00:00:00Z"}, 400, "ten years"),
        ({"advance_s": -1}, 400, "(it is -1)"),
        ({"advance_s": 1.5}, 400, "Body field `advance_s`"),
        ({"advance_s": True}, 400, "Body field `advance_s`"),
        ({"advance_s": 10**12}, 400, "Body field `advance_s`"),
        ({}, 400, "give either"),
        ({"advance_s": 1, "to": "2026-11-22T05:00:00Z"}, 400, "give either"),
    ],
)
async def test_a_clock_cannot_be_moved_just_anyhow(api: Caller, body: Any, status: int, told: str) -> None:
    assert told in (await api.post(f"{CI}/clock", body, status))["detail"]
    assert (await api.get(f"{CI}/clock"))["now"] == "2026-11-22T03:00:00Z"


async def test_the_machines_clock_cannot_be_moved(api: Caller) -> None:
    refusal = await api.post("/_control/sandboxes/default/clock", {"advance_s": 1}, 409)
    assert '{"manual": true}' in refusal["detail"]


# --- payments ------------------------------------------------------------------------------------------------


async def test_a_payment_is_shown_as_the_bank_knows_it(api: Caller) -> None:
    payment_id = await api.payment_id("A1", 50_000)
    told = await api.get(f"{CI}/payments/{payment_id}")
    assert told["order_ref"] == "A1"
    assert (told["amount_vnd"], told["order_amount_vnd"]) == (50_000, 50_000)
    assert (told["state"], told["outcome"], told["settled_at"]) == ("pending", None, None)
    assert told["page_url"] == f"http://banksim.test/s/ci/pay/{payment_id}"
    assert told["return_url"] == "http://portal.test/return/vnpay"


async def test_payments_are_found_by_order_and_bank(api: Caller) -> None:
    await api.payment_id("A1")
    await api.payment_id("A2")
    assert [each["order_ref"] for each in await api.get(f"{CI}/payments", limit=1)] == ["A2"]
    assert [each["order_ref"] for each in await api.get(f"{CI}/payments", limit=1, offset=1)] == ["A1"]
    assert len(await api.get(f"{CI}/payments", bank="vnpay")) == 2
    assert await api.get(f"{CI}/payments", bank="vietinbank") == []


async def test_a_decline_carries_its_outcome(api: Caller) -> None:
    payment_id = await api.payment_id()
    body = {"event": "decline", "outcome": "insufficient_funds"}
    told = await api.post(f"{CI}/payments/{payment_id}/events", body)
    assert (told["state"], told["outcome"]) == ("failed", "insufficient_funds")


async def test_a_payer_may_pay_another_amount(api: Caller) -> None:
    payment_id = await api.payment_id("A1", 50_000)
    told = await api.post(f"{CI}/payments/{payment_id}/events", {"event": "approve", "amount_vnd": 49_999})
    assert (told["amount_vnd"], told["order_amount_vnd"]) == (49_999, 50_000)


@pytest.mark.parametrize(
    "body",
    [
        b'{"event":"approve"}',
        b'{"event": "decline", "outcome": "insufficient_funds"}',
        b'{"event":"approve","amount_vnd":49999}',
        b'{"event":"no such event"}',
        b'{"event":"approve"',
        b"",
    ],
)
async def test_the_short_way_answers_as_the_documented_one(tmp_path: Path, body: bytes) -> None:
    """Each in a world of its own; the second event of the pair is illegal, and refused alike."""
    told = []
    for short in (True, False):
        folder = tmp_path / str(short)
        folder.mkdir()
        async with calling(folder, Guard()) as caller:
            control = caller.control if short else caller.control.api
            payment_id = await caller.payment_id()
            async with httpx.AsyncClient(transport=httpx.ASGITransport(control), base_url=HERE) as http:
                for payment in (payment_id, payment_id, "0" * 32):
                    headers = {"content-type": "application/json"}
                    answer = await http.post(f"{CI}/payments/{payment}/events", content=body, headers=headers)
                    told.append((short, answer.status_code, answer.headers["content-type"], answer.content))
    assert [each[1:] for each in told if each[0]] == [each[1:] for each in told if not each[0]]


async def test_an_illegal_event_changes_nothing(api: Caller) -> None:
    payment_id = await api.payment_id()
    path = f"{CI}/payments/{payment_id}/events"
    before = await api.post(path, {"event": "cancel"})
    refusal = await api.post(path, {"event": "approve"}, 409)
    assert "a payment that is cancelled cannot approve" in refusal["detail"]
    assert await api.get(f"{CI}/payments/{payment_id}") == before


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"event": "refund_rest"}, "Body field `event`"),
        ({"event": "approve", "outcome": "wrong_otp"}, "`approve` cannot have the outcome `wrong_otp`"),
        ({"event": "decline", "outcome": "success"}, "`decline` cannot have the outcome `success`"),
        ({"event": "approve", "amount_vnd": "50000"}, "Body field `amount_vnd`"),
        ({"event": "approve", "amount_vnd": 0}, "(it is 0)"),
        ({}, "Body field `event`: Field required"),
    ],
)
async def test_an_event_must_make_sense(api: Caller, body: Any, told: str) -> None:
    payment_id = await api.payment_id()
    assert told in (await api.post(f"{CI}/payments/{payment_id}/events", body, 400))["detail"]


async def test_an_abandoned_payment_stays_pending_and_expires(api: Caller) -> None:
    payment_id = await api.payment_id()
    assert (await api.post(f"{CI}/payments/{payment_id}/abandon"))["state"] == "pending"
    await api.post(f"{CI}/clock", {"advance_s": 24 * 3600})
    assert (await api.get(f"{CI}/payments/{payment_id}"))["state"] == "expired"


async def test_the_browser_goes_back_to_the_merchants_signed_address(api: Caller) -> None:
    payment_id = await api.payment_id()
    await api.post(f"{CI}/payments/{payment_id}/events", {"event": "approve"})
    told = await api.post(f"{CI}/payments/{payment_id}/return")
    assert told["url"].startswith("http://portal.test/return/vnpay?")
    assert "vnp_SecureHash=" in told["url"]
    assert told["fields"] == {}


async def test_what_the_browser_posts_to_the_merchant_is_told_with_the_address(api: Caller) -> None:
    world = await api.worlds.get("ci")
    await ask(world, "napas", hosted_form("HS1", 18_060, await world.now()))
    (found,) = await api.get(f"{CI}/payments?bank=napas")
    told = await api.post(f"{CI}/payments/{found['payment_id']}/return")
    assert told["url"] == "http://portal.test/return?dossier=1"
    assert list(told["fields"]) == ["napasResult"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "payments/none", None),
        ("POST", "payments/none/events", {"event": "approve"}),
        ("POST", "payments/none/abandon", None),
        ("POST", "payments/none/return", None),
        ("POST", "payments/none/callback", None),
        ("POST", "send", {"method": "GET", "url": "http://127.0.0.1:1/", "payment_id": "none"}),
    ],
)
async def test_an_unknown_payment_is_named(api: Caller, method: str, path: str, body: Any) -> None:
    response = await api.http.request(method, f"{CI}/{path}", json=body)
    assert response.status_code == 404
    assert "There is no payment 'none' in sandbox 'ci'" in response.json()["detail"]


# --- bills ---------------------------------------------------------------------------------------------------


async def test_a_bank_that_was_told_no_address_says_how_to_tell_it(api: Caller) -> None:
    refusal = await api.post(f"{CI}/bills", {"bank": "vietinbank", "bill_code": "HS1"}, 409)
    assert "merchants/vietinbank/9111" in refusal["detail"]


async def test_a_connectors_refusal_of_a_bill_has_a_reason(api: Caller) -> None:
    await api.put(f"{CI}/merchants/vietinbank/9111", {"inquiry_url": f"{api.connector.url}/inquiry"})
    api.connector.answer = lambda method, path, body: web.Response(text="garbage")
    refusal = await api.post(f"{CI}/bills", {"bank": "vietinbank", "bill_code": "HS1"}, 422)
    assert refusal["reason"]
    assert refusal["detail"].startswith("The connector refused the bill")
    [visit] = await api.get(f"{CI}/payments")
    assert (visit["order_ref"], visit["state"]) == ("HS1", "failed")


async def test_a_bill_can_be_paid_without_being_asked_for(api: Caller) -> None:
    body = {"bank": "vietinbank", "bill_code": "HS1", "amount_vnd": 70_000, "channel": "counter"}
    told = await api.post(f"{CI}/bills/unasked", body, 201)
    assert (told["state"], told["amount_vnd"], told["channel"]) == ("paid", 70_000, "counter")
    assert [each["amount_vnd"] for each in await api.get(f"{CI}/ledger")] == [70_000]
    [standing] = await api.get(f"{CI}/standings")
    told = {name: standing[name] for name in ("order_ref", "state", "debited_vnd", "returned_vnd", "telling")}
    assert told == {"order_ref": "HS1", "state": "paid", "debited_vnd": 70_000, "returned_vnd": 0, "telling": True}
    assert await api.get(f"{CI}/standings", after=standing["number"]) == []


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"bank": "vnpay", "bill_code": "HS1"}, 409, "vnpay does not collect bills"),
        ({"bank": "vietinbank", "bill_code": "HS1", "channel": "qr"}, 409, "takes no bills by qr"),
        ({"bank": "vietinbank", "bill_code": "HS1", "merchant_code": "0000"}, 404, "it has: 9111"),
        ({"bank": "vietinbank", "bill_code": ""}, 400, "Body field `bill_code`"),
    ],
)
async def test_a_bill_that_no_bank_takes_is_refused(api: Caller, body: Any, status: int, told: str) -> None:
    assert told in (await api.post(f"{CI}/bills", body, status))["detail"]


# --- transfers -------------------------------------------------------------------------------------------------

ADVICE = next(dialect for dialect in dialects().values() if takes_transfers(dialect))


async def test_a_transfer_begins_pending_and_is_approved(api: Caller) -> None:
    body = {"bank": ADVICE.code, "content": "HS1", "amount_vnd": 70_000}
    begun = await api.post(f"{CI}/transfers", body, 201)
    assert (begun["state"], begun["order_ref"], begun["amount_vnd"]) == ("pending", "HS1", 70_000)
    assert await api.get(f"{CI}/ledger") == []
    paid = await api.post(f"{CI}/payments/{begun['payment_id']}/events", {"event": "approve"})
    assert paid["state"] == "paid"
    assert [each["amount_vnd"] for each in await api.get(f"{CI}/ledger")] == [70_000]
    assert len(await api.get(f"{CI}/deliveries")) == len(ADVICE.messages)


ABOVE_LIMIT = transfer_code("970436", "0123499990", 500_000_000, "HS1", limited=False)


async def test_a_scanned_code_begins_its_transfer(api: Caller) -> None:
    code = vietqr("970436", "0123499990", 70_000, purpose="HS2026")
    begun = await api.post(f"{CI}/transfers/scanned", {"code": code, "amount_vnd": 1}, 201)
    assert (begun["bank"], begun["order_ref"], begun["amount_vnd"]) == ("sepay", "HS2026", 70_000)
    assert (begun["state"], begun["channel"]) == ("pending", "qr")
    typed = {"code": vietqr("970436", "0123499990", purpose="HS2027"), "amount_vnd": 5_000}
    assert (await api.post(f"{CI}/transfers/scanned", typed, 201))["amount_vnd"] == 5_000


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("000201", "No banking app reads this code"),
        (vietqr("970436", "99999", 70_000, purpose="HS1"), "which no merchant of this sandbox has"),
        (vietqr("970436", "0123499990", 70_000), "names no purpose, or no amount"),
        (ABOVE_LIMIT, "an instant transfer is below 500000000"),
        (vietqr("970436", "0123499990", purpose="HS1"), "names no purpose, or no amount"),
    ],
)
async def test_a_code_that_nobody_can_pay_is_refused(api: Caller, code: str, told: str) -> None:
    assert told in (await api.post(f"{CI}/transfers/scanned", {"code": code}, 422))["detail"]
    assert await api.get(f"{CI}/payments") == []


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"bank": "vnpay"}, 409, "vnpay tells of no transfers"),
        ({"bank": "nobank"}, 404, "There is no bank 'nobank'"),
        ({"merchant_code": "0000"}, 404, "it has: "),
        ({"channel": "card"}, 409, "takes no transfers by card"),
        ({"amount_vnd": 0}, 400, "amount_vnd"),
        ({"content": ""}, 400, "content"),
    ],
)
async def test_a_transfer_that_nobody_takes_is_refused(api: Caller, body: Any, status: int, told: str) -> None:
    whole = {"bank": ADVICE.code, "content": "HS1", "amount_vnd": 70_000, **body}
    assert told in (await api.post(f"{CI}/transfers", whole, status))["detail"]
    assert await api.get(f"{CI}/payments") == []


# --- what payers are sent ----------------------------------------------------------------------------------------


async def test_the_banks_letters_of_a_payment_are_read(api: Caller) -> None:
    payment_id = await api.payment_id()
    assert await api.get(f"{CI}/payments/{payment_id}/letters") == []
    await api.post(f"{CI}/payments/{payment_id}/events", {"event": "approve"})
    (letter,) = await api.get(f"{CI}/payments/{payment_id}/letters")
    assert (letter["kind"], "-50,000VND" in letter["text"]) == ("sms", True)
    assert "There is no payment" in (await api.get(f"{CI}/payments/{'0' * 32}/letters", 404))["detail"]


# --- messages by hand ----------------------------------------------------------------------------------------


async def test_a_written_callback_is_the_one_that_is_sent(api: Caller) -> None:
    payment_id = await api.payment_id()
    await api.post(f"{CI}/payments/{payment_id}/events", {"event": "approve"})
    written = await api.post(f"{CI}/payments/{payment_id}/callback")
    assert api.connector.requests == []
    await api.post(f"{CI}/clock", {"advance_s": 0})
    [(method, path, body)] = api.connector.requests
    assert (written["method"], written["url"]) == (method, f"{api.connector.url}{path}")
    assert base64.b64decode(written["body_base64"]) == body


async def test_a_callback_can_be_written_to_say_something_else(api: Caller) -> None:
    payment_id = await api.payment_id("A1", 50_000)
    path = f"{CI}/payments/{payment_id}/callback"
    true = (await api.post(path, {"state": "paid"}))["url"]
    assert "vnp_Amount=5000000&" in true
    assert "vnp_ResponseCode=00" in true
    assert "vnp_Amount=100&" in (await api.post(path, {"state": "paid", "amount_vnd": 1}))["url"]
    assert "vnp_TmnCode=OTHER" in (await api.post(path, {"state": "paid", "merchant_code": "OTHER"}))["url"]
    assert "vnp_ResponseCode=51" in (await api.post(path, {"state": "failed", "outcome": "insufficient_funds"}))["url"]
    unsigned, _, signature = (await api.post(path, {"state": "paid", "forged": True}))["url"].partition(
        "&vnp_SecureHash="
    )
    assert true.startswith(unsigned)
    assert signature not in true


async def test_of_a_pending_payment_there_is_nothing_to_tell(api: Caller) -> None:
    payment_id = await api.payment_id()
    refusal = await api.post(f"{CI}/payments/{payment_id}/callback", {}, 409)
    assert '{"state": "paid"}' in refusal["detail"]


async def test_a_callback_is_written_distorted_or_it_is_said_why_not(api: Caller) -> None:
    path = f"{CI}/payments/{await api.payment_id()}/callback"
    true = (await api.post(path, {"state": "paid"}))["url"]
    bare = (await api.post(path, {"state": "paid", "distorted": "missing_signature"}))["url"]
    assert bare == true.partition("&vnp_SecureHash=")[0]
    problem = await api.post(path, {"state": "paid", "distorted": "wrong_currency"}, 400)
    assert "a callback of vnpay names no currency" in problem["detail"]
    await api.post(path, {"state": "paid", "distorted": "no_such_kind"}, 400)


async def test_a_true_callback_is_never_written_as_a_forged_one(api: Caller) -> None:
    [merchant] = [each for each in await api.get(f"{CI}/merchants") if each["bank"] == "sepay"]
    code = merchant["merchant_code"]
    body = {"bank": "sepay", "content": "HS0001", "amount_vnd": 20_000}
    payment_id = (await api.post(f"{CI}/transfers", body, 201))["payment_id"]
    path = f"{CI}/payments/{payment_id}/callback"
    await api.post(path, {"state": "paid", "forged": True})
    await api.put(f"{CI}/merchants/sepay/{code}", {"options": {"auth": "none"}})
    problem = await api.post(path, {"state": "paid", "forged": True}, 400)
    assert "`forged_signature` is impossible here" in problem["detail"]


async def test_a_fault_that_never_fits_a_bank_is_refused_and_listed_as_spared(api: Caller) -> None:
    problem = await api.post(f"{CI}/faults", {"kind": "wrong_currency", "bank": "momo"}, 400)
    assert "a callback of momo names no currency" in problem["detail"]
    await api.post(f"{CI}/faults", {"kind": "wrong_currency", "bank": "dvcqg"}, 201)
    await api.post(f"{CI}/faults", {"kind": "wrong_currency"}, 201)
    spared = await api.get("/_control/spared")
    assert {"bank": "momo", "kind": "wrong_currency", "why": "a callback of momo names no currency"} in spared
    assert not [each for each in spared if (each["bank"], each["kind"]) == ("dvcqg", "wrong_currency")]


async def test_a_message_is_sent_byte_for_byte_and_journalled(api: Caller) -> None:
    api.connector.answer = lambda method, path, body: web.Response(status=418, body=b"\xff\x00")
    message = {
        "method": "POST",
        "url": f"{api.connector.url}/notice?a=%2f",
        "headers": [["content-type", "application/json"]],
        "body_base64": base64.b64encode(b"\xfe{}").decode(),
        "bank": "vietinbank",
        "payment_id": await api.payment_id(),
        "note": "hostile bytes",
    }
    answer = await api.post(f"{CI}/send", message)
    assert (answer["status"], base64.b64decode(answer["body_base64"]), answer["error"]) == (418, b"\xff\x00", "")
    assert api.connector.requests == [("POST", "/notice?a=%2f", b"\xfe{}")]
    created, entry = await api.get(f"{CI}/journal", payment_id=message["payment_id"])
    assert created["operation"] == "create"
    assert (entry["direction"], entry["bank"], entry["status"]) == ("out", "vietinbank", 418)
    assert "hostile bytes" in entry["note"]
    assert base64.b64decode(entry["request_body_base64"]) == b"\xfe{}"
    assert base64.b64decode(entry["response_body_base64"]) == b"\xff\x00"


async def test_a_connector_that_is_not_there_is_an_answer_too(api: Caller, unused_tcp_port: int) -> None:
    answer = await api.post(f"{CI}/send", {"method": "GET", "url": f"http://127.0.0.1:{unused_tcp_port}/"})
    assert answer["status"] == 0
    assert answer["error"]


async def test_messages_sent_together_wait_for_nobody_and_are_answered_in_their_order(api: Caller) -> None:
    all_here = asyncio.Barrier(5)

    async def answer_when_all_came(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readline()).split()[1]
        async with all_here:
            writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n" + path)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer_when_all_came, "127.0.0.1") as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        messages = [{"method": "GET", "url": f"{url}/{number}", "bank": "vnpay"} for number in range(5)]
        answers = await api.post(f"{CI}/send/together", {"messages": messages})
    assert [base64.b64decode(each["body_base64"]) for each in answers] == [b"/0", b"/1", b"/2", b"/3", b"/4"]
    entries = (await api.get(f"{CI}/journal"))[-5:]
    assert [(each["url"], each["status"]) for each in entries] == [(each["url"], 200) for each in messages]


@pytest.mark.parametrize("count", [0, 101])
async def test_none_and_too_many_messages_together_are_refused(api: Caller, count: int) -> None:
    messages = [{"method": "GET", "url": f"{api.connector.url}/"}] * count
    assert "Body field `messages`" in (await api.post(f"{CI}/send/together", {"messages": messages}, 400))["detail"]
    assert api.connector.requests == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"url": "file:///etc/passwd"}, "Body field `url`"),
        ({"method": "get"}, "Body field `method`"),
        ({"headers": [["x", "a\r\nb: c"]]}, "Body field `headers.0.1`"),
        ({"headers": [["x:y", "a"]]}, "Body field `headers.0.0`"),
        ({"headers": [["x", "ộ"]]}, "Body field `headers.0.1`"),
        ({"body_base64": "%%%"}, "this is not base64"),
    ],
)
async def test_a_message_that_is_no_http_is_refused(api: Caller, change: Any, told: str) -> None:
    message = {"method": "GET", "url": f"{api.connector.url}/", **change}
    assert told in (await api.post(f"{CI}/send", message, 400))["detail"]
    assert api.connector.requests == []


# --- faults --------------------------------------------------------------------------------------------------


async def test_a_fault_strikes_and_is_spent(api: Caller) -> None:
    planned = await api.post(f"{CI}/faults", {"kind": "duplicate", "copies": 3, "order_ref": "A1"}, 201)
    assert await api.get(f"{CI}/faults") == [planned]
    payment_id = await api.payment_id("A1")
    await api.post(f"{CI}/payments/{payment_id}/events", {"event": "approve"})
    assert await api.get(f"{CI}/faults") == []
    assert (await api.post(f"{CI}/clock", {"advance_s": 60}))["attempts"] == 3


async def test_faults_can_be_taken_back(api: Caller) -> None:
    first, second = [await api.post(f"{CI}/faults", {"kind": "lost"}, 201) for _ in range(2)]
    assert first["fault_id"] != second["fault_id"]
    await api.delete(f"{CI}/faults/{first['fault_id']}")
    assert await api.get(f"{CI}/faults") == [second]
    third = await api.post(f"{CI}/faults", {"kind": "lost"}, 201)
    assert third["fault_id"] not in (first["fault_id"], second["fault_id"])
    assert "unknown, or spent" in (await api.delete(f"{CI}/faults/{first['fault_id']}", 404))["detail"]
    await api.delete(f"{CI}/faults")
    assert await api.get(f"{CI}/faults") == []


@pytest.mark.parametrize("kind", FaultKind)
async def test_every_kind_of_fault_can_be_asked_for_and_is_explained(api: Caller, kind: FaultKind) -> None:
    assert MEANINGS[kind]
    assert (await api.post(f"{CI}/faults", {"kind": kind.value}, 201))["kind"] == kind


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"kind": "sabotage"}, 400, "Body field `kind`"),
        ({"kind": "lost", "bank": "nobank"}, 404, "There is no bank 'nobank'"),
        ({"kind": "lost", "operation": "query"}, 400, "`lost` cannot strike in 'query'"),
        ({"kind": "http_500", "operation": "qurey"}, 400, "There is no operation 'qurey'"),
        ({"kind": "http_500", "operation": "inquiry", "bank": "vnpay"}, 400, "no operation 'inquiry' at vnpay"),
        ({"kind": "callback_before_answer", "operation": "refund", "bank": "vnpay"}, 400, "or use: create"),
        ({"kind": "duplicate", "copies": 1}, 400, "(it is 1)"),
        ({"kind": "delay", "delay_s": -5}, 400, "(it is -5)"),
        ({"kind": "lost", "probability": 0}, 400, "Body field `probability`"),
        ({"kind": "lost", "times": True}, 400, "Body field `times`"),
        ({"kind": "wrong_amount", "amount_delta_vnd": 0}, 400, "is the right one"),
        ({"kind": "malformed_body", "bank": "vietinbank"}, 400, "no connector asks vietinbank for anything"),
        ({"kind": "malformed_body", "operation": "callback"}, 400, "cannot strike in 'callback'"),
        ({"kind": "maintenance", "hours": "25:00-26:00"}, 400, "is no window of time"),
        ({"kind": "gateway_error", "status": 404}, 400, "Body field `status`"),
        ({"kind": "huge_body", "size_bytes": 10**12}, 400, "Body field `size_bytes`"),
    ],
)
async def test_a_fault_that_could_never_strike_is_refused(api: Caller, body: Any, status: int, told: str) -> None:
    assert told in (await api.post(f"{CI}/faults", body, status))["detail"]


async def test_every_fault_that_can_be_asked_for_is_listed(api: Caller) -> None:
    listed = await api.get("/_control/faults")
    assert [(each["kind"], each["side"], each["number"]) for each in listed] == [
        (each.kind, each.side, each.number) for each in FAULTS.values()
    ]


def test_faults_know_every_exchange_that_a_bank_answers() -> None:
    assert set(ANSWERED) == set(answering.OPERATIONS.values())


async def test_one_run_gives_its_faults_the_same_ids_as_the_next(api: Caller) -> None:
    first = await api.post(f"{CI}/faults", {"kind": "lost"}, 201)
    await api.post(f"{CI}/reset")
    assert await api.post(f"{CI}/faults", {"kind": "lost"}, 201) == first


# --- the journal and the books -------------------------------------------------------------------------------


async def test_the_journal_goes_on_after_the_last_entry_seen(api: Caller) -> None:
    payment_id = await api.payment_id()
    [first] = await api.get(f"{CI}/journal")
    assert (first["direction"], first["operation"], first["payment_id"]) == ("in", "create", payment_id)
    await api.post(f"{CI}/payments/{payment_id}/events", {"event": "approve"})
    await api.post(f"{CI}/clock", {"advance_s": 0})
    [second] = await api.get(f"{CI}/journal", after_id=first["id"])
    assert (second["direction"], second["operation"], second["status"]) == ("out", "callback", 200)
    assert second["response_body"] == '{"RspCode": "00", "Message": "Confirm Success"}'
    assert second["response_body_base64"] == ""


async def test_the_books_say_what_money_moved(api: Caller) -> None:
    payment_id = await api.payment_id("A1", 50_000)
    await api.post(f"{CI}/payments/{payment_id}/events", {"event": "approve"})
    await api.post(f"{CI}/payments/{payment_id}/events", {"event": "reverse"})
    entries = await api.get(f"{CI}/ledger", payment_id=payment_id)
    assert [(each["order_ref"], each["amount_vnd"]) for each in entries] == [("A1", 50_000), ("A1", -50_000)]
    totals = await api.get(f"{CI}/totals")
    assert (totals["payments"], totals["debited_vnd"], totals["refunded_vnd"]) == (1, 50_000, 50_000)
    assert totals["payments_by_state"] == {"reversed": 1}


async def test_a_delivery_is_made_once_more(api: Caller) -> None:
    payment_id = await api.payment_id()
    await api.post(f"{CI}/payments/{payment_id}/events", {"event": "approve"})
    await api.post(f"{CI}/clock", {"advance_s": 0})
    [first] = await api.get(f"{CI}/deliveries", payment_id=payment_id)
    again = await api.post(f"{CI}/deliveries/{first['delivery_id']}/again", status=201)
    assert again["delivery_id"] != first["delivery_id"]
    assert again["says_state"] == "paid"
    assert (await api.post(f"{CI}/clock", {"advance_s": 0}))["attempts"] == 1
    assert api.connector.requests[0] == api.connector.requests[1]
    assert [each["state"] for each in await api.get(f"{CI}/deliveries")] == ["acknowledged"] * 2


@pytest.mark.parametrize("delivery_id", ["none", "none.0", "."])
async def test_an_unknown_delivery_is_named(api: Caller, delivery_id: str) -> None:
    response = await api.http.post(f"{CI}/deliveries/{delivery_id}/again")
    assert response.status_code == 404
    assert response.json()["detail"]


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 1001}, {"limit": "x"}, {"offset": -1}], ids=["none", "many", "text", "back"]
)
async def test_a_list_has_bounds(api: Caller, query: Any) -> None:
    [name] = query
    assert f"Query field `{name}`" in (await api.get(f"{CI}/payments", 400, **query))["detail"]


# --- banks, docs, and what is nowhere ------------------------------------------------------------------------


async def test_banks_and_assumptions_are_listed(api: Caller) -> None:
    assert [each["code"] for each in await api.get("/_control/banks")] == list(dialects())
    listed = {(each["bank"], each["key"]) for each in await api.get("/_control/assumptions")}
    of_banks = {(code, each.key) for code, dialect in dialects().items() for each in dialect.assumptions}
    of_days = {("settlement", each.key) for each in reconciling.ASSUMPTIONS}
    of_faults = {("faults", each.key) for each in chosen.assumptions()}
    assert listed == of_banks | of_days | of_faults | {("payer", each.key) for each in ASSUMPTIONS}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/_control/nothing", 404), ("PATCH", "/_control/banks", 405), ("GET", "/_control/sandboxes/x/clock", 404)],
)
async def test_what_is_nowhere_is_refused_in_the_same_form(api: Caller, method: str, path: str, status: int) -> None:
    response = await api.http.request(method, path)
    assert response.status_code == status
    assert set(response.json()) == {"detail", "reason"}


async def test_a_body_that_is_no_json_is_refused_with_the_place(api: Caller) -> None:
    response = await api.http.post(
        "/_control/sandboxes", content=b'{"name": ', headers={"content-type": "application/json"}
    )
    assert response.status_code == 400
    assert "not JSON" in response.json()["detail"]


async def test_a_body_of_another_kind_is_told_what_it_should_be(api: Caller) -> None:
    form = await api.http.post("/_control/sandboxes", data={"name": "x"})
    assert form.status_code == 400
    assert "it came as application/x-www-form-urlencoded" in form.json()["detail"]
    assert "there was none" in (await api.http.post("/_control/sandboxes")).json()["detail"]


async def test_the_docs_need_nothing_from_outside(api: Caller) -> None:
    page = await api.http.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "https://" not in page.text
    for name in ("swagger-ui.js", "swagger-ui.css", "favicon.png"):
        assert f"/docs/{name}" in page.text
        assert (await api.http.get(f"/docs/{name}")).status_code == 200


async def test_every_call_is_described(api: Caller) -> None:
    openapi = await api.get("/docs/openapi.json")
    tags = {tag["name"] for tag in openapi["tags"]}
    for path, calls in openapi["paths"].items():
        for method, call in calls.items():
            assert call["summary"], f"{method} {path}"
            assert set(call["tags"]) <= tags
            assert "4XX" in call["responses"]
            assert "422" not in call["responses"]


CLIENTS_NAMES = {"Totals": "TotalsView", "ClockView": "Moved"}


@pytest.mark.parametrize(
    "told",
    [
        client.SandboxView,
        client.MerchantView,
        client.ClockView,
        client.RetryView,
        client.FaultView,
        client.KindView,
        client.SaleView,
        client.ReversalView,
        client.RecordView,
        client.BatchView,
        client.VisitView,
        client.PaymentView,
        client.AccountView,
        client.MaintenanceView,
        client.DeliveryView,
        client.JournalEntry,
        client.LedgerEntry,
        client.Totals,
        client.BankView,
        client.AssumptionView,
        client.FileView,
        client.SettlementView,
        client.RowView,
        client.SumView,
        client.DayTotalsView,
        client.SaidView,
        client.WrongView,
        client.ReplyView,
    ],
    ids=lambda told: told.__name__,
)
async def test_the_client_reads_all_that_the_api_tells(api: Caller, told: Any) -> None:
    schemas = (await api.get("/docs/openapi.json"))["components"]["schemas"]
    schema = schemas[CLIENTS_NAMES.get(told.__name__, told.__name__)]
    assert {field.name for field in fields(told)} == set(schema["properties"])


# --- who may call --------------------------------------------------------------------------------------------


async def test_with_a_token_only_its_bearer_may_call(tmp_path: Path) -> None:
    guard = Guard(token="t0ken", hosts=frozenset())
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier:
        control = create_control(worlds, courier, guard)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(control), base_url="http://banks.test") as http:
            refused = await http.get("/_control/banks")
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Bearer")
            assert "Bearer TOKEN" in refused.json()["detail"]
            for wrong in ("Bearer t0ke", "bearer t0ken", "t0ken", "Basic t0ken"):
                assert (await http.get("/_control/banks", headers={"authorization": wrong})).status_code == 401
            answer = await http.get("/_control/banks", headers={"authorization": "Bearer t0ken"})
            assert answer.status_code == 200
            assert (await http.get("/docs")).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("127.5.5.5", 200),
        ("localhost:1", 200),
        ("[::1]:8080", 200),
        ("banks.test:80", 200),
        ("evil.test", 421),
        ("127.0.0.1.evil.test", 421),
        ("localhost.evil.test:8080", 421),
        ("10.0.0.1", 421),
        ("", 421),
    ],
)
def test_without_a_token_the_server_answers_to_its_own_names_only(host: str, status: int) -> None:
    objection = Guard(hosts=frozenset({"banks.test"})).objection("GET", host, "", "")
    assert (objection[0] if objection else 200) == status


@pytest.mark.parametrize(
    ("method", "origin", "status"),
    [
        ("POST", "", 200),
        ("POST", "http://127.0.0.1:8080", 200),
        ("POST", "https://127.0.0.1:8080", 200),
        ("POST", "http://127.0.0.1:9999", 403),
        ("POST", "http://evil.test", 403),
        ("DELETE", "null", 403),
        ("PUT", "http://evil.test", 403),
        ("GET", "http://evil.test", 200),
    ],
)
def test_a_page_of_another_site_changes_nothing(method: str, origin: str, status: int) -> None:
    objection = Guard().objection(method, "127.0.0.1:8080", origin, "")
    assert (objection[0] if objection else 200) == status


async def test_a_refused_caller_reaches_nothing(api: Caller) -> None:
    response = await api.http.delete(CI, headers={"origin": "http://evil.test"})
    assert response.status_code == 403
    assert (await api.get(CI))["name"] == "ci"
