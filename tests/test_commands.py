"""Facts about the commands of a connector beyond create, query and refund, whatever the bank that reads them."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from simulator.app import App
from simulator.bank import Served, act, serve
from simulator.banks import dialects
from simulator.delivery import Courier
from simulator.dialect import (
    CancelOrder,
    Command,
    Confirm,
    Create,
    Dialect,
    Endpoint,
    Merchants,
    Query,
    QueryRefund,
    RefundOrder,
    Reply,
    places_of,
)
from simulator.payer import TRIES_MAX, accounts
from simulator.payment import Event, Merchant, Order, Outcome, Payment, Reason, Refusal, State
from simulator.wire import Request, Response, text_response
from simulator.world import World, Worlds
from tests.worlds import START

MERCHANT = "DEMOV210"


def names_of(payment: Payment) -> tuple[str, ...]:
    return (payment.bank_ref, *(refund.request_ref for refund in payment.refunds))


def told(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(result, Refusal):
        return text_response(f"no: {result.reason}")
    state = result.payment.state if result.payment else "nothing"
    return text_response(f"{state} {result.refund.amount_vnd if result.refund else ''}".strip())


def bank_of(decode: Callable[[Request, Merchants], Command]) -> Dialect:
    """A bank that names payments by its own number and by their refunds, with one address that reads by `decode`."""
    endpoint = Endpoint(operation="create", method="POST", path="/orders/{id}", decode=decode, encode=told)
    return replace(dialects()["vnpay"], endpoints=(endpoint,), names=names_of)


@pytest.fixture
async def world(worlds: Worlds) -> World:
    return await worlds.create("ci", seed="1", clock_at=START)


def merchant_of(world: World) -> Merchant:
    merchant = world.merchant("vnpay", MERCHANT)
    assert merchant is not None
    return merchant


async def say(world: World, command: Command) -> str:
    bank = bank_of(lambda request, merchants: command)
    served: Served = await serve(world, bank, bank.endpoints[0], Request("POST", "/orders/1"))
    return served.response.body.decode()


async def opened(world: World, pays_with: str = "") -> Payment:
    order = Order(order_ref="HS1", order_key="HS1", amount_vnd=20_000, return_url="http://portal.test/return")
    assert await say(world, Create(merchant=merchant_of(world), order=order, pays_with=pays_with)) == "pending"
    (payment,) = await world.store.payments(world.name)
    return payment


# --- by another name ---------------------------------------------------------------------------------------------


async def test_a_payment_is_asked_for_by_the_banks_own_number(world: World) -> None:
    payment = await opened(world)
    assert await say(world, Query(merchant=merchant_of(world), name=payment.bank_ref)) == "pending"
    assert await say(world, Query(merchant=merchant_of(world), name="0")) == f"no: {Reason.UNKNOWN_ORDER}"


async def test_another_merchants_payment_has_no_name(world: World) -> None:
    payment = await opened(world)
    other = replace(merchant_of(world), merchant_code="OTHER")
    assert await say(world, Query(merchant=other, name=payment.bank_ref)) == f"no: {Reason.UNKNOWN_ORDER}"


async def test_a_refund_is_asked_for_by_its_own_number(world: World) -> None:
    payment, merchant = await opened(world), merchant_of(world)
    await act(world, payment.payment_id, Event.APPROVE)
    asked = RefundOrder(merchant=merchant, name=payment.bank_ref, request_ref="R1", amount_vnd=5_000, full=False)
    assert await say(world, asked) == "partly_refunded 5000"
    assert await say(world, QueryRefund(merchant=merchant, name="R1", request_ref="R1")) == "partly_refunded 5000"
    unknown = QueryRefund(merchant=merchant, order_key="HS1", request_ref="R2")
    assert await say(world, unknown) == f"no: {Reason.UNKNOWN_ORDER}"


# --- withdrawn ---------------------------------------------------------------------------------------------------


async def test_an_unpaid_order_is_withdrawn_once(world: World) -> None:
    await opened(world)
    withdraw = CancelOrder(merchant=merchant_of(world), order_key="HS1")
    assert await say(world, withdraw) == "cancelled"
    assert await say(world, withdraw) == f"no: {Reason.EXPIRED}"


async def test_a_paid_order_is_not_withdrawn(world: World) -> None:
    payment = await opened(world)
    await act(world, payment.payment_id, Event.APPROVE)
    withdraw = CancelOrder(merchant=merchant_of(world), order_key="HS1")
    assert await say(world, withdraw) == f"no: {Reason.ALREADY_PAID}"
    assert [entry.amount_vnd for entry in await world.store.ledger(world.name)] == [20_000]


# --- paid at the connector's own form ----------------------------------------------------------------------------


async def test_an_account_that_the_connector_names_is_asked_for_its_password(world: World) -> None:
    payment = await opened(world, pays_with=rich())
    merchant = merchant_of(world)
    assert await say(world, Confirm(merchant=merchant, order_key="HS1", otp="000000")) == "pending"
    assert await say(world, Confirm(merchant=merchant, order_key="HS1", otp="123456")) == "paid"
    again = Confirm(merchant=merchant, order_key="HS1", otp="123456")
    assert await say(world, again) == f"no: {Reason.ALREADY_PAID}"
    assert len(await world.store.deliveries(world.name, payment_id=payment.payment_id)) == 1
    assert [entry.amount_vnd for entry in await world.store.ledger(world.name)] == [20_000]


async def test_too_many_wrong_passwords_end_the_payment(world: World) -> None:
    payment = await opened(world, pays_with=rich())
    wrong = Confirm(merchant=merchant_of(world), order_key="HS1", otp="000000")
    said = [await say(world, wrong) for _ in range(TRIES_MAX)]
    assert said == [*["pending"] * (TRIES_MAX - 1), "failed"]
    (kept,) = await world.store.payments(world.name)
    assert (kept.payment_id, kept.outcome) == (payment.payment_id, Outcome.WRONG_OTP)
    assert kept.state is State.FAILED


async def test_an_account_that_nobody_has_is_refused_and_nothing_is_opened(world: World) -> None:
    order = Order(order_ref="HS1", order_key="HS1", amount_vnd=20_000)
    create = Create(merchant=merchant_of(world), order=order, pays_with="999")
    assert await say(world, create) == f"no: {Reason.WRONG_PAYER}"
    assert await world.store.payments(world.name) == []


def rich() -> str:
    """The number of a test account with money."""
    return next(each.number for each in accounts().values() if each.outcome is Outcome.SUCCESS)


# --- addresses with places ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "path", "places"),
    [
        ("/orders", "/orders", {}),
        ("/orders", "/orders/1", None),
        ("/orders/{id}", "/orders/A-1", {"id": "A-1"}),
        ("/orders/{id}", "/orders/", None),
        ("/orders/{id}", "/orders/1/2", None),
        ("/v{version}/orders/{id}/cancel", "/v2/orders/7/cancel", {"version": "2", "id": "7"}),
        ("/a.b/{id}", "/aXb/1", None),
    ],
)
def test_a_place_stands_for_one_segment(template: str, path: str, places: dict[str, str] | None) -> None:
    assert places_of(template, path) == places


async def test_the_server_hands_on_what_stands_in_the_places(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    await worlds.create("default", seed="1")
    asked: list[dict[str, str]] = []

    def decode(request: Request, merchants: Merchants) -> Command:
        asked.append(dict(request.places))
        raise Refusal(Reason.UNKNOWN_ORDER)

    monkeypatch.setattr("simulator.app.dialects", lambda: {"vnpay": bank_of(decode)})
    app = App(worlds, Courier(worlds, "node"), nobody, "1")
    assert await status_of(app, "/vnpay/orders/A-1") == 200
    assert asked == [{"id": "A-1"}]
    assert await status_of(app, "/vnpay/orders/A-1/x") == 404


async def nobody(scope: object, receive: object, send: Callable[[dict[str, object]], object]) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})  # type: ignore[misc]
    await send({"type": "http.response.body", "body": b""})  # type: ignore[misc]


async def status_of(app: App, path: str) -> object:
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": [], "client": None}
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"]
