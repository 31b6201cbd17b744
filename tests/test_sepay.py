"""Facts about SePay's webhook of bank transfers, and its refunds."""

import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from simulator import qr
from simulator.bank import act
from simulator.banks.sepay import (
    DIALECT,
    REFUSALS,
    acknowledged,
    callback,
    judge,
    payment_code,
    qr_text,
    signature,
    token,
    token_request,
    transaction_id,
)
from simulator.delivery import Courier
from simulator.dialect import Notice, RefundOrder
from simulator.merchants import default_merchants
from simulator.outbox import DeliveryState, Retry
from simulator.payment import Channel, Event, Merchant, Order, Outcome, Payment, Refund, Refusal, State
from simulator.wire import Answer, Request
from simulator.world import World, Worlds
from tests.samples.sepay import sepay_refund
from tests.worlds import START, Connector, ask, connector, courier_of, endpoint_of, worlds_in

VECTOR_FILE = Path(__file__).parent.parent / "fixtures" / "wire" / "sepay" / "signatures.json"
(VECTOR,) = json.loads(VECTOR_FILE.read_text())
MERCHANT = next(each for each in default_merchants() if each.bank == "sepay")
PAID_AT = datetime(2023, 3, 25, 7, 2, 37, tzinfo=UTC)
SENT_AT = datetime.fromtimestamp(VECTOR["timestamp"], UTC)
MINUTES = (1, 1, 2, 3, 5, 8, 13)


def merchant(**options: str) -> Merchant:
    return msgspec.structs.replace(MERCHANT, options={**MERCHANT.options, **options})


def payment(state: State = State.PAID, content: str = "HS0001 nop le phi", **changes: Any) -> Payment:
    made = Payment(
        payment_id="0123abcd",
        bank="sepay",
        merchant_code="SP-TEST",
        order=Order(order_ref=content, order_key="1", amount_vnd=18_060),
        amount_vnd=18_060,
        bank_ref="MBVCB.3278907687",
        created_at=PAID_AT,
        state=state,
        settled_at=None if state is State.PENDING else PAID_AT,
    )
    return msgspec.structs.replace(made, **changes)


def notice(told: Payment | None = None, to: Merchant = MERCHANT, now: datetime = SENT_AT) -> Notice:
    return Notice(payment=told or payment(), merchant=to, now=now)


def said(told: Payment | None = None, to: Merchant = MERCHANT) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(callback(notice(told, to)).body)
    return fields


def headers(**changes: Any) -> dict[str, str]:
    return dict(callback(notice(**changes)).headers)


# --- what is sent ------------------------------------------------------------------------------------------------


def test_the_known_webhook_has_its_known_signature() -> None:
    """sepay-webhooks#hmac, S1."""
    body = VECTOR["body"].encode()
    assert signature(VECTOR["webhook_secret"], VECTOR["timestamp"], body) == VECTOR["header"]


def test_a_webhook_has_the_known_ones_fields_in_their_order_and_of_their_types() -> None:
    known, ours = json.loads(VECTOR["body"]), said(to=merchant(account="0123499999"))
    assert list(ours) == list(known)
    counted = ("id", "accumulated")
    assert {name: value for name, value in ours.items() if name not in counted} == {
        name: value for name, value in known.items() if name not in counted
    }
    assert all(isinstance(ours[name], int) for name in counted)


def test_its_signature_covers_the_very_bytes_and_the_time_of_sending() -> None:
    sent = callback(notice())
    message = b"1700000000." + sent.body
    told = dict(sent.headers)
    assert told["x-sepay-timestamp"] == "1700000000"
    assert told["x-sepay-signature"] == "sha256=" + hmac.digest(b"whsec_test_abc", message, "sha256").hex()
    assert "authorization" not in told


def test_a_later_attempt_is_signed_anew_and_tells_the_same() -> None:
    first, later = callback(notice()), callback(notice(now=SENT_AT + timedelta(minutes=33)))
    assert first.body == later.body
    assert dict(later.headers)["x-sepay-timestamp"] == str(VECTOR["timestamp"] + 33 * 60)
    assert dict(first.headers)["x-sepay-signature"] != dict(later.headers)["x-sepay-signature"]


def test_with_an_api_key_there_is_no_signature() -> None:
    told = headers(to=merchant(auth="apikey"))
    assert told["authorization"] == "Apikey sepay-test-api-key-0123456789"
    assert not [name for name in told if name.startswith("x-sepay")]


def test_without_proof_there_is_only_the_body() -> None:
    assert list(headers(to=merchant(auth="none"))) == ["content-type"]


@pytest.mark.parametrize("auth", ["", "oauth", "HMAC"])
def test_an_unknown_way_of_proof_is_hmac(auth: str) -> None:
    assert "x-sepay-signature" in headers(to=merchant(auth=auth))


@pytest.mark.parametrize("state", State)
def test_only_money_that_came_in_is_in(state: State) -> None:
    assert said(payment(state))["transferType"] == ("in" if state is State.PAID else "out")


def test_what_goes_out_again_is_another_transaction() -> None:
    came, went = said(payment(State.PAID)), said(payment(State.REVERSED))
    assert came["id"] != went["id"]
    assert came["transferAmount"] == went["transferAmount"] == 18_060
    assert said(payment(State.PAID))["id"] == came["id"]


def test_another_payment_has_another_id() -> None:
    ids = {said(payment(payment_id=f"{number:032x}"))["id"] for number in range(2000)}
    assert len(ids) == 2000
    assert 0 <= min(ids) <= max(ids) < 2**53


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("HS0001 nop le phi", "HS0001"),
        ("nop le phi hs0001", "HS0001"),
        ("CT DEN:0123 HS26A9.FT1", "HS26A9"),
        ("HS HS7", "HS7"),
        ("XHS0001", None),
        ("HSX", None),
        ("nop le phi", None),
        ("", None),
        ("HS٣", None),
    ],
)
def test_the_payment_code_is_found_in_the_transfers_text(content: str, code: str | None) -> None:
    assert payment_code(content, "HS") == code


def test_without_a_prefix_there_is_no_code() -> None:
    assert said(to=merchant(code_prefix=""))["code"] is None


def test_a_prefix_is_no_pattern() -> None:
    assert payment_code("HS1", ".*") is None
    assert payment_code("A.B1", "a.b") == "A.B1"


def test_a_sub_account_is_told_where_there_is_one() -> None:
    assert said()["subAccount"] is None
    assert said(to=merchant(sub_account="VA01"))["subAccount"] == "VA01"


def test_a_merchant_without_options_is_served() -> None:
    bare = msgspec.structs.replace(MERCHANT, options={})
    assert said(to=bare)["accountNumber"] == "0123499990"
    assert qr.parse(qr_text(payment(), bare)).bank_bin == "970436"


@pytest.mark.parametrize(
    ("amount_vnd", "named"), [(18_060, 18_060), (499_999_999, 499_999_999), (500_000_000, None), (0, None)]
)
def test_the_code_to_be_scanned_names_what_an_instant_transfer_carries(amount_vnd: int, named: int | None) -> None:
    code = qr.parse(qr_text(payment(amount_vnd=amount_vnd, content="Nộp lệ phí HS0001"), MERCHANT))
    assert (code.beneficiary, code.amount_vnd, code.purpose) == ("0123499990", named, "Nop le phi HS0001")


# --- what is answered --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "done"),
    [
        (200, b'{"success": true}', True),
        (201, b'{"success":true,"more":[1]}', True),
        (202, b'{"success": true}', True),
        (299, b'{"success": true}', True),
        (300, b'{"success": true}', False),
        (204, b"", False),
        (200, b"", False),
        (200, b'{"success": false}', False),
        (200, b'{"success": "true"}', False),
        (200, b'{"success": 1}', False),
        (200, b'{"ok": true}', False),
        (200, b"[true]", False),
        (200, b"OK", False),
        (200, b"[" * 100_000, False),
        (302, b'{"success": true}', False),
        (500, b'{"success": true}', False),
        (0, b"", False),
    ],
)
def test_only_2xx_and_success_true_acknowledge(status: int, body: bytes, done: bool) -> None:
    """sepay-webhooks#acknowledgement."""
    assert acknowledged(Answer(status, (), body), notice()).done is done


REFUNDS = (
    Refund(request_ref="K1", amount_vnd=5_000, refunded_at=PAID_AT + timedelta(hours=1), bank_ref="MBVCB.1"),
    Refund(request_ref="K2", amount_vnd=1_000, refunded_at=PAID_AT + timedelta(hours=2), bank_ref="MBVCB.2"),
    Refund(request_ref="K3", amount_vnd=12_060, refunded_at=PAID_AT + timedelta(hours=3), bank_ref="MBVCB.3"),
)


@pytest.mark.parametrize(
    ("state", "told"), [(State.PARTLY_REFUNDED, 0), (State.PARTLY_REFUNDED, 1), (State.REFUNDED, 2)]
)
def test_a_refund_is_money_that_goes_out(state: State, told: int) -> None:
    """The last of those that were made by then."""
    out = said(payment(state, refunds=REFUNDS[: told + 1]))
    assert (out["transferType"], out["transferAmount"]) == ("out", REFUNDS[told].amount_vnd)
    assert (out["referenceCode"], out["transactionDate"]) == (
        REFUNDS[told].bank_ref,
        f"{REFUNDS[told].refunded_at + timedelta(hours=7):%Y-%m-%d %H:%M:%S}",
    )
    assert out["id"] not in (said(payment(State.PAID))["id"], said(payment(State.REVERSED))["id"])


# --- oauth2 ------------------------------------------------------------------------------------------------------

TOKEN = {"data": {"accessToken": "eyJhbGci.x", "refreshToken": "r", "expiredIn": 3600}}
OAUTH2 = merchant(auth="oauth2", token_url="https://portal.test/token")


def test_a_token_is_asked_for_by_the_merchants_own_credentials() -> None:
    """sepay-webhooks-oauth2."""
    asked = token_request(notice(to=OAUTH2))
    assert asked is not None
    assert (asked.method, asked.url) == ("POST", "https://portal.test/token")
    assert json.loads(asked.body) == {"clientId": "sepay-test-client", "clientSecret": "sepay-test-client-secret"}
    assert token(Answer(200, (), json.dumps(TOKEN).encode())) == "eyJhbGci.x"


@pytest.mark.parametrize("auth", ["hmac", "apikey", "none", ""])
def test_nobody_else_is_asked_for_a_token(auth: str) -> None:
    assert token_request(notice(to=merchant(auth=auth, token_url="https://portal.test/token"))) is None


@pytest.mark.parametrize(
    ("status", "data"),
    [
        (401, TOKEN["data"]),
        (0, TOKEN["data"]),
        (200, None),
        (200, "eyJhbGci.x"),
        (200, {**TOKEN["data"], "accessToken": ""}),
        (200, {**TOKEN["data"], "accessToken": "a b"}),
        (200, {**TOKEN["data"], "accessToken": "a\r\nx: y"}),
        (200, {**TOKEN["data"], "accessToken": 1}),
        (200, {**TOKEN["data"], "refreshToken": None}),
        (200, {**TOKEN["data"], "expiredIn": "3600"}),
        (200, {**TOKEN["data"], "expiredIn": True}),
    ],
)
def test_an_answer_in_another_form_holds_no_token(status: int, data: object) -> None:
    with pytest.raises(ValueError, match=r"^(HTTP \d+|no .*)$"):
        token(Answer(status, (), json.dumps({"data": data}).encode()))


@given(body=st.binary(max_size=200) | st.just(b"[" * 1_000))
def test_any_garbage_holds_no_token(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        token(Answer(200, (), body))


def test_the_token_is_in_the_header_of_the_webhook_alone() -> None:
    told = msgspec.structs.replace(notice(to=OAUTH2), token="eyJhbGci.x")
    assert dict(callback(told).headers)["authorization"] == "Bearer eyJhbGci.x"
    assert b"eyJ" not in callback(told).body
    assert list(dict(callback(notice(to=OAUTH2)).headers)) == ["content-type"]


# --- refunds -----------------------------------------------------------------------------------------------------

REFUNDING = merchant(gateway="VietinBank")
IN_ID = transaction_id(payment())


def decoded(request: Request, of: Merchant = REFUNDING) -> RefundOrder:
    endpoint, request = endpoint_of(DIALECT, request)
    command = endpoint.decode(request, lambda code: of if code == of.merchant_code else None)
    assert isinstance(command, RefundOrder)
    return command


def refused(request: Request, of: Merchant = REFUNDING) -> tuple[int, str]:
    """The status and code with which a request is refused as it is."""
    endpoint, placed = endpoint_of(DIALECT, request)
    with pytest.raises(Refusal) as caught:
        decoded(request, of)
    answer = endpoint.encode(placed, None, caught.value)
    return answer.status, json.loads(answer.body)["code"]


def test_a_refund_names_a_transaction_a_key_and_perhaps_an_amount() -> None:
    """sepay-refunds."""
    part, rest = decoded(sepay_refund(IN_ID, "K1", 5_000)), decoded(sepay_refund(IN_ID, "K1"))
    assert (part.name, part.request_ref, part.amount_vnd, part.all_left) == (IN_ID, "K1", 5_000, False)
    assert rest.all_left
    assert IN_ID in DIALECT.names(payment())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"gateway": "Vietcombank"}, (422, "unsupported_bank")),
        ({"gateway": "VietinBank", "refunds": "off"}, (422, "not_available")),
    ],
)
def test_only_some_accounts_refund(changes: dict[str, str], expected: tuple[int, str]) -> None:
    """sepay-refunds."""
    assert refused(sepay_refund(IN_ID, "K1"), merchant(**changes)) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"authorization": ""}, (401, "unauthorized")),
        ({"authorization": "Bearer SP-TEST.wrong"}, (401, "unauthorized")),
        ({"authorization": "Bearer NOBODY.sepay-test-api-token"}, (401, "unauthorized")),
        ({"x-idempotency-key": ""}, (422, "idempotency_key_required")),
        ({"x-idempotency-key": "k" * 101}, (422, "idempotency_key_required")),
        ({"x-idempotency-key": "a b"}, (422, "idempotency_key_required")),
    ],
)
def test_headers_prove_and_number_a_refund(headers: dict[str, str], expected: tuple[int, str]) -> None:
    request = sepay_refund(IN_ID, "K1")
    assert refused(msgspec.structs.replace(request, headers={**request.headers, **headers})) == expected


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[]", "invalid_request"),
        (b"{", "invalid_request"),
        (b'{"refund_amount":0}', "refund_amount"),
        (b'{"refund_amount":-1}', "refund_amount"),
        (b'{"refund_amount":1.5}', "refund_amount"),
        (b'{"refund_amount":"1"}', "refund_amount"),
        (b'{"refund_amount":true}', "refund_amount"),
        (b'{"refund_amount":1000000000000000}', "refund_amount"),
    ],
)
def test_an_amount_is_a_whole_number_above_0(body: bytes, code: str) -> None:
    assert refused(msgspec.structs.replace(sepay_refund(IN_ID, "K1"), body=body)) == (422, code)


@pytest.mark.parametrize("name", ["x", "1" * 16, "1%00", "٣"])
def test_a_name_of_no_transaction_is_unknown(name: str) -> None:
    assert refused(sepay_refund(name, "K1")) == (404, "not_found")


def test_the_last_refund_of_all_was_perhaps_this_one() -> None:
    done = payment(State.REFUNDED, refunds=REFUNDS)
    judge(decoded(sepay_refund(IN_ID, "K3")), done, PAID_AT)
    judge(decoded(sepay_refund(IN_ID, "K9")), payment(), PAID_AT)
    with pytest.raises(Refusal) as caught:
        judge(decoded(sepay_refund(IN_ID, "K9")), done, PAID_AT)
    assert REFUSALS[caught.value.reason] == (422, "already_refunded")


# --- garbage -----------------------------------------------------------------------------------------------------


@given(status=st.sampled_from([0, 200, 201, 500]), body=st.binary(max_size=200) | st.text().map(str.encode))
def test_any_answer_is_read_as_an_acknowledgement_or_not(status: int, body: bytes) -> None:
    assert not acknowledged(Answer(status, (), body), notice()).done


@given(content=st.text(max_size=120), outcome=st.sampled_from(Outcome))
def test_any_text_of_a_transfer_is_told_and_drawn(content: str, outcome: Outcome) -> None:
    told = payment(content=content, outcome=outcome)
    if not any("\ud800" <= letter <= "\udfff" for letter in content):
        assert said(told)["content"] == content
    assert qr.parse(qr_text(told, MERCHANT)).amount_vnd == 18_060


# --- transfers ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stage:
    world: World
    courier: Courier
    portal: Connector

    async def received(self, content: str, amount_vnd: int) -> Payment:
        """Somebody transfers money."""
        begun = await self.courier.transfer(
            self.world, DIALECT, self.world.merchants["sepay", "SP-TEST"], content, amount_vnd, Channel.QR
        )
        return await act(self.world, begun.payment_id, Event.APPROVE)

    async def asked(self, request: Request) -> tuple[int, dict[str, Any]]:
        response = (await ask(self.world, "sepay", request)).response
        return response.status, json.loads(response.body)

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.portal.requests]


async def staged(
    worlds: Worlds, courier: Courier, portal: Connector, answer: dict[str, object], **options: str
) -> Stage:
    portal.answer = lambda method, path, body: web.json_response(answer)
    told = msgspec.structs.replace(merchant(**options), callback_url=f"{portal.url}/webhook")
    world = await worlds.create("ci", seed="1", clock_at=START, merchants=(told,))
    return Stage(world, courier, portal)


async def test_two_transfers_with_the_same_text_are_two_transactions(tmp_path: Path) -> None:
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier, connector() as portal:
        stage = await staged(worlds, courier, portal, {"success": True})
        for amount_vnd in (5_000, 13_060):
            await stage.received("HS0001", amount_vnd)
        await courier.run_due(stage.world)
        first, second = sorted(stage.told(), key=lambda each: each["transferAmount"])
        assert (first["code"], first["transferAmount"]) == ("HS0001", 5_000)
        assert (second["code"], second["transferAmount"]) == ("HS0001", 13_060)
        assert first["id"] != second["id"]
        assert first["referenceCode"] != second["referenceCode"]


async def test_a_webhook_is_tried_eight_times_over_33_minutes(tmp_path: Path) -> None:
    """sepay-webhooks#retries."""
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier, connector() as portal:
        stage = await staged(worlds, courier, portal, {"success": False})
        await stage.received("HS0001", 5_000)
        await courier.advance(stage.world, START + timedelta(hours=6))
        sent = [int(each["x-sepay-timestamp"]) - int(START.timestamp()) for each in portal.headers]
        assert sent == [60 * sum(MINUTES[:attempt]) for attempt in range(8)]
        assert len({json.dumps(each) for each in stage.told()}) == 1
        (delivery,) = await stage.world.store.deliveries(stage.world.name)
        assert delivery.state is DeliveryState.EXHAUSTED


async def test_money_that_goes_back_is_a_second_webhook_out(tmp_path: Path) -> None:
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier, connector() as portal:
        stage = await staged(worlds, courier, portal, {"success": True})
        paid = await stage.received("HS0001", 5_000)
        await courier.run_due(stage.world)
        await act(stage.world, paid.payment_id, Event.REVERSE)
        await courier.run_due(stage.world)
        assert [each["transferType"] for each in stage.told()] == ["in", "out"]


async def test_a_transfer_that_fails_is_told_to_nobody(tmp_path: Path) -> None:
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier, connector() as portal:
        stage = await staged(worlds, courier, portal, {"success": True})
        begun = await courier.transfer(
            stage.world, DIALECT, stage.world.merchants["sepay", "SP-TEST"], "HS1", 1, Channel.MOBILE
        )
        await act(stage.world, begun.payment_id, Event.DECLINE)
        await courier.advance(stage.world, START + timedelta(days=1))
        assert stage.told() == []


def test_the_ladder_waits_as_documented() -> None:
    assert DIALECT.retry.delays_s == tuple(60 * minutes for minutes in MINUTES)
    assert DIALECT.retry.timeout_s == 30


async def test_a_refund_is_a_second_webhook_out_and_its_key_makes_it_once(tmp_path: Path) -> None:
    """sepay-refunds."""
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier, connector() as portal:
        stage = await staged(worlds, courier, portal, {"success": True}, gateway="VietinBank")
        paid = await stage.received("HS0001", 5_000)
        name = transaction_id(paid)
        first = await stage.asked(sepay_refund(name, "K1", 2_000))
        assert first[0] == 200
        assert (first[1]["data"]["refund_amount"], first[1]["data"]["transaction_id"]) == (2_000, name)
        assert await stage.asked(sepay_refund(name, "K1", 2_000)) == first
        assert (await stage.asked(sepay_refund(name, "K1", 1_000)))[1]["code"] == "idempotency_key_reused"
        assert (await stage.asked(sepay_refund(name, "K2", 3_001)))[1]["code"] == "refund_amount"
        rest = await stage.asked(sepay_refund(name, "K2"))
        assert rest[1]["data"]["refund_amount"] == 3_000
        assert await stage.asked(sepay_refund(name, "K2")) == rest
        assert (await stage.asked(sepay_refund(name, "K3")))[1]["code"] == "already_refunded"
        await courier.run_due(stage.world)
        told = [(each["transferType"], each["transferAmount"]) for each in stage.told()]
        assert told == [("in", 5_000), ("out", 2_000), ("out", 3_000)]
        assert len({each["id"] for each in stage.told()}) == 3
        assert sum(entry.amount_vnd for entry in await stage.world.store.ledger(stage.world.name)) == 0


async def test_a_key_refunds_one_transaction_only(tmp_path: Path) -> None:
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier, connector() as portal:
        stage = await staged(worlds, courier, portal, {"success": True}, gateway="VietinBank")
        one, other = [await stage.received("HS0001", 5_000) for _ in range(2)]
        assert (await stage.asked(sepay_refund(transaction_id(one), "K1")))[0] == 200
        assert await stage.asked(sepay_refund(transaction_id(other), "K1")) == (
            409,
            {"status": "error", "code": "idempotency_key_reused", "message": ANY},
        )
        assert (await stage.asked(sepay_refund("123", "K2")))[0] == 404


async def test_by_oauth2_each_attempt_gets_a_token_of_its_own(tmp_path: Path) -> None:
    """sepay-webhooks-oauth2: the webhook is sent once there is a token; the journal keeps no secret."""
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier, connector() as portal:
        stage = await staged(worlds, courier, portal, {"success": True}, auth="oauth2", token_url=f"{portal.url}/token")
        tries: list[int] = []

        def answer(method: str, path: str, body: bytes) -> web.Response:
            if path == "/webhook":
                return web.json_response({"success": len(tries) > 2})
            tries.append(len(tries))
            data = {"accessToken": f"token-{len(tries)}", "refreshToken": "r", "expiredIn": 3600}
            return web.json_response({"data": data}, status=401 if len(tries) == 1 else 200)

        portal.answer = answer
        await stage.received("HS0001", 5_000)
        await courier.advance(stage.world, START + timedelta(hours=1))
        assert [path for _, path, _ in portal.requests] == ["/token", "/token", "/webhook", "/token", "/webhook"]
        shown = [each.get("authorization") for each in portal.headers]
        assert shown == [None, None, "Bearer token-2", None, "Bearer token-3"]
        (delivery,) = await stage.world.store.deliveries(stage.world.name)
        assert (delivery.state, delivery.attempt) == (DeliveryState.ACKNOWLEDGED, 3)
        kept = str(await stage.world.store.exchanges(stage.world.name))
        assert "no token: HTTP 401" in kept
        assert not [text for text in ("token-2", "token-3", "sepay-test-client-secret") if text in kept]


async def test_what_is_older_than_five_hours_is_not_sent_again(tmp_path: Path) -> None:
    """sepay-webhooks#retries."""
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier, connector() as portal:
        stage = await staged(worlds, courier, portal, {"success": False})
        slow = {"sepay": Retry(delays_s=(2 * 3600,) * 9, timeout_s=30)}
        await worlds.update("ci", lambda sandbox: msgspec.structs.replace(sandbox, retries=slow))
        stage = Stage(await worlds.get("ci"), courier, portal)
        await stage.received("HS0001", 5_000)
        await courier.advance(stage.world, START + timedelta(days=2))
        sent = [(int(each["x-sepay-timestamp"]) - int(START.timestamp())) // 3600 for each in portal.headers]
        assert sent == [0, 2, 4]
        (delivery,) = await stage.world.store.deliveries(stage.world.name)
        assert delivery.state is DeliveryState.EXHAUSTED
