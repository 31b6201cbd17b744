"""The log: one line an event, as text or as JSON, with its sandbox and order in it, and never a secret or a card."""

import json
import logging
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from aiohttp import web

from simulator import bank
from simulator.__main__ import _parser
from simulator.client import Banksim, SandboxClient
from simulator.clock import system_clock
from simulator.delivery import Courier
from simulator.faults import Fault
from simulator.logs import ABOUT, FORMATS, LEVELS, JsonFormatter, TextFormatter
from simulator.merchants import default_merchants
from simulator.outbox import Retry
from simulator.payer import cards
from simulator.payment import Event
from simulator.wire import Request
from simulator.world import World, Worlds
from tests.samples.vnpay import vnpay_pay
from tests.test_cli import serving
from tests.worlds import START, Connector, ask

PAN = "9704198526191432198"
INTERNATIONAL = "4456530000001005"
WITHIN_S = 60.0


def record(message: str = "a thing happened", **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("simulator.watch", logging.WARNING, __file__, 1, message, (), None)
    made.created = 1_795_316_400.25
    made.__dict__.update(extra)
    return made


# --- how a line is written -----------------------------------------------------------------------------------


def test_a_line_is_one_json_object_with_what_it_is_about() -> None:
    line = JsonFormatter().format(record(sandbox="ci", order_ref="Hồ sơ\n1", attempt=2, payment_id="", wholly_else=1))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2026-11-22T03:00:00.250+00:00",
        "level": "WARNING",
        "logger": "simulator.watch",
        "message": "a thing happened",
        "sandbox": "ci",
        "order_ref": "Hồ sơ\n1",
        "attempt": 2,
    }


def test_an_error_comes_with_its_traceback() -> None:
    made = record()
    try:
        raise ValueError(f"{PAN} is wrong")
    except ValueError:
        made.exc_info = sys.exc_info()
    line = json.loads(JsonFormatter().format(made))
    assert "ValueError: " in line["exception"]
    assert PAN not in line["exception"] + TextFormatter().format(made)


def test_text_is_as_it_always_was_with_what_it_is_about_behind() -> None:
    assert TextFormatter().format(record()) == "WARNING simulator.watch: a thing happened"
    told = TextFormatter().format(record(sandbox="ci", bank="vnpay"))
    assert told == "WARNING simulator.watch: a thing happened [sandbox=ci bank=vnpay]"


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
@pytest.mark.parametrize("about", ["order_ref", "fault"])
def test_card_numbers_are_masked_wherever_a_connector_puts_them(formatter: logging.Formatter, about: str) -> None:
    line = formatter.format(record(f"paid with {PAN} and {INTERNATIONAL}", **{about: f"HS {PAN}"}))
    assert PAN not in line
    assert INTERNATIONAL not in line
    assert "HS 970419" in line


def test_a_connectors_own_text_is_cut() -> None:
    assert len(JsonFormatter().format(record(order_ref="x" * 100_000))) < 1000


def test_a_surrogate_breaks_no_line() -> None:
    assert json.loads(JsonFormatter().format(record(order_ref="\ud800")))["order_ref"] == "\\ud800"


# --- what is told --------------------------------------------------------------------------------------------


@pytest.fixture
async def world(worlds: Worlds, portal: Connector) -> World:
    """On a manual clock, with a connector that acknowledges nothing, and one retry."""
    await worlds.create("ci", seed="1", clock_at=START)
    portal.answer = lambda method, path, body: web.json_response({"RspCode": "99", "Message": "a body"})

    def told_to_call(sandbox: Any) -> Any:
        merchants = tuple(msgspec.structs.replace(m, callback_url=f"{portal.url}/ipn") for m in sandbox.merchants)
        ladder = {"vnpay": Retry(delays_s=(60,))}
        return msgspec.structs.replace(sandbox, merchants=merchants, retries=ladder)

    return await worlds.update("ci", told_to_call)


async def paid(world: World, order_ref: str) -> str:
    await ask(world, "vnpay", vnpay_pay(order_ref, 50_000, START))
    [payment] = await world.store.payments(world.name, order_ref=order_ref)
    await bank.act(world, payment.payment_id, Event.APPROVE)
    return payment.payment_id


def lines(caplog: pytest.LogCaptureFixture, of: str = "simulator.watch") -> list[tuple[str, str]]:
    return [(each.levelname, each.getMessage()) for each in caplog.records if each.name == of]


def about(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    records = [each for each in caplog.records if each.name == "simulator.watch"]
    return [{name: getattr(each, name) for name in ABOUT if hasattr(each, name)} for each in records]


async def test_a_retry_is_told_and_a_callback_given_up_is_a_warning(
    world: World, courier: Courier, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "simulator")
    payment_id = await paid(world, "HS-1")
    await courier.advance(world, START + timedelta(hours=1))
    again, last = lines(caplog)
    assert again == (
        "INFO",
        "a callback was not acknowledged and is due again at 2026-11-22T03:01:00+00:00 (HTTP 200)",
    )
    assert last == ("WARNING", "a callback was not acknowledged and is given up (HTTP 200)")
    known = {"sandbox": "ci", "bank": "vnpay", "order_ref": "HS-1", "payment_id": payment_id}
    assert about(caplog) == [{**known, "delivery_id": f"{payment_id}.0", "attempt": number} for number in (1, 2)]


async def test_an_acknowledged_callback_is_not_worth_a_line(
    world: World, courier: Courier, portal: Connector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "simulator")
    portal.answer = lambda method, path, body: web.json_response({"RspCode": "00"})
    await paid(world, "HS-1")
    await courier.advance(world, START + timedelta(hours=1))
    assert lines(caplog) == []


async def test_a_lost_lease_is_told(world: World, courier: Courier, caplog: pytest.LogCaptureFixture) -> None:
    """While the connector thinks about its answer, the lease runs out and another process claims the callback."""
    await paid(world, "HS-1")
    [claimed] = await world.store.claim(START, 1, 30, "slow", "ci")
    assert await world.store.claim(START + timedelta(seconds=31), 1, 30, "quick", "ci")
    await courier._carry_out(world, claimed)
    [(level, message)] = lines(caplog)
    assert (level, message.startswith("the lease of a callback was lost")) == ("WARNING", True)


async def test_a_fault_that_strikes_is_told_with_the_order_it_struck(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "simulator")
    await world.store.set_faults("ci", (Fault(fault_id="f", kind="http_500"), Fault(fault_id="g", kind="lost")))
    await ask(world, "vnpay", vnpay_pay("HS-0", 50_000, START))
    payment_id = await paid(world, "HS-1")
    assert lines(caplog) == [("INFO", "a fault strikes: http_500"), ("INFO", "a fault strikes: lost")]
    assert about(caplog)[0] == {
        "sandbox": "ci",
        "bank": "vnpay",
        "order_ref": "HS-0",
        "payment_id": "",
        "fault": "http_500",
    }
    assert about(caplog)[1]["payment_id"] == payment_id


async def test_changed_settings_are_told_without_what_they_are(
    worlds: Worlds, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "simulator")
    await worlds.update("ci", lambda sandbox: msgspec.structs.replace(sandbox, seed="another"))
    [line] = [each for each in caplog.records if each.name == "simulator.world"]
    assert (line.levelname, line.sandbox) == ("INFO", "ci")  # type: ignore[attr-defined]
    assert "another" not in line.getMessage()


# --- a whole server ------------------------------------------------------------------------------------------


def secrets() -> set[str]:
    """Of all merchants that a new sandbox has; of a key in PEM each line."""
    values = {value for merchant in default_merchants() for value in merchant.secrets.values()}
    return {line for value in values for line in value.splitlines() if len(line) >= 8 and "-----" not in line}


def _wrongly_signed(ref: str) -> Request:
    request = vnpay_pay(ref, 50_000, system_clock())
    return msgspec.structs.replace(request, query=request.query[:-4] + b"0000")


def _until_given_up(sandbox: SandboxClient) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not any(each.state == "exhausted" for each in sandbox.deliveries()):
        assert time.monotonic() < deadline, "it never was given up"
        time.sleep(0.05)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_log_of_a_server_holds_no_secret_and_no_card(tmp_path: Path, workers: int) -> None:
    """A card pays, a signature is wrong, a connector is not there, a card's number stands for an order."""
    words = ("--log-format", "json", "--log-level", "debug", "--workers", str(workers), "--token", "a-long-token")
    with serving(tmp_path, *words) as served, httpx.Client(base_url=served.url, trust_env=False) as http:
        with Banksim(served.url, "a-long-token") as banksim:
            sandbox = banksim.sandbox()
            sandbox.set_merchant("vnpay", "DEMOV210", callback_url="http://127.0.0.1:9/ipn?key=a-key-of-mine")
            sandbox.set_retries("vnpay", [1])
            sandbox.add_fault("delay", delay_s=0)
            for ref in ("HS-1", PAN):
                request = vnpay_pay(ref, 50_000, system_clock())
                assert http.get(f"/vnpay{request.path}?{request.query.decode()}").status_code == 302
                [payment] = sandbox.payments(order_ref=ref)
                assert sandbox.pay_card(payment.payment_id, PAN, then="answer").state == "paid"
            wrong = _wrongly_signed("HS-2")
            http.get(f"/vnpay{wrong.path}?{wrong.query.decode()}")
            _until_given_up(sandbox)
        code, _, errors = served.end(signal.SIGTERM)
    assert code == 0
    told = [json.loads(line) for line in errors.splitlines()]
    given_up = [each for each in told if "is given up" in each["message"]]
    assert given_up
    assert {"sandbox", "bank", "order_ref", "payment_id", "delivery_id", "attempt"} <= given_up[0].keys()
    assert {"HS-1"} <= {each["order_ref"] for each in told if "order_ref" in each}
    assert any(each.get("fault") == "delay" for each in told)
    assert all(datetime.fromisoformat(each["time"]).tzinfo == UTC for each in told)
    for hidden in (*secrets(), PAN, "a-long-token", "a-key-of-mine", *cards()):
        assert hidden not in errors
    assert "vnp_" not in errors, "nothing of a message"


def test_by_default_only_warnings_are_told_as_text(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        with httpx.Client(base_url=served.url, trust_env=False) as http:
            body = {"maintenance": "23:00-01:00"}
            assert http.put("/_control/sandboxes/default/maintenance", json=body).status_code < 500
        assert served.end(signal.SIGTERM) == (0, "", "")


def test_the_words_of_the_command_line_are_those_of_the_log() -> None:
    parse = _parser(["serve"]).parse_args
    for log_format in FORMATS:
        assert parse(["serve", "--log-format", log_format]).log_format == log_format
    for level in LEVELS:
        assert parse(["serve", "--log-level", level]).log_level == level
        assert logging.getLevelName(level.upper()) in (10, 20, 30, 40)
