"""Facts about VietQR.vn: tokens both ways, codes, callbacks, questions and refunds."""

import base64
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from simulator import qr
from simulator.bank import act
from simulator.banks.vietqr_vn import (
    DIALECT,
    STATUSES,
    acknowledged,
    callback,
    client_token,
    content,
    qr_text,
    return_url,
    sign,
    token,
    token_request,
)
from simulator.delivery import Courier
from simulator.dialect import Ask, Command, Create, Notice, Query, RefundOrder
from simulator.merchants import default_merchants
from simulator.outbox import DeliveryState
from simulator.payment import COLLECTED, Channel, Event, Merchant, Order, Payment, Reason, Refund, Refusal, State
from simulator.wire import Answer, Request
from simulator.world import World
from tests.samples.vietqr_vn import (
    ACCOUNT,
    SECRET_KEY,
    USERNAME,
    answer,
    basic,
    bearer,
    md5,
    vietqr_check,
    vietqr_create,
    vietqr_refund,
    vietqr_token,
)
from tests.worlds import START, Connector, ask, connector, courier_of, endpoint_of, worlds_in

VECTOR_FILE = Path(__file__).parent.parent / "fixtures" / "wire" / "vietqr_vn" / "signatures.json"
(VECTOR,) = json.loads(VECTOR_FILE.read_text())
MERCHANT = next(each for each in default_merchants() if each.bank == "vietqr_vn")
PAID_AT = datetime(2024, 1, 1, 1, 0, tzinfo=UTC)


def merchant(**options: str) -> Merchant:
    return msgspec.structs.replace(MERCHANT, options={**MERCHANT.options, **options})


def decoded(request: Request, of: Merchant = MERCHANT) -> Command:
    endpoint, request = endpoint_of(DIALECT, request)
    return endpoint.decode(request, lambda code: of if code == USERNAME else None)


def refused(request: Request, of: Merchant = MERCHANT) -> tuple[int, str]:
    """The status and code with which a request is refused as it is."""
    endpoint, placed = endpoint_of(DIALECT, request)
    with pytest.raises(Refusal) as caught:
        decoded(request, of)
    response = endpoint.encode(placed, None, caught.value)
    said = json.loads(response.body)
    assert said["status"] == "FAILED"
    return response.status, said["message"]


def payment(state: State = State.PAID, **changes: Any) -> Payment:
    made = Payment(
        payment_id="712a7d45ea" + "0" * 22,
        bank="vietqr_vn",
        merchant_code=USERNAME,
        order=Order(
            order_ref="ORD1",
            order_key="ORD1",
            amount_vnd=20_000,
            description="DU5gUz",
            return_url="https://dvc.vn/return",
            wire={"terminalCode": "QUAY1", "sign": "theirs"},
        ),
        amount_vnd=20_000,
        bank_ref="FT26008507756020",
        created_at=PAID_AT,
        state=state,
        settled_at=None if state is State.PENDING else PAID_AT,
        channel=Channel.QR,
    )
    return msgspec.structs.replace(made, **changes)


def notice(to: Merchant = MERCHANT, told: Payment | None = None, bearer_token: str = "") -> Notice:
    return Notice(payment=told or payment(), merchant=to, now=PAID_AT, token=bearer_token)


# --- tokens ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic",
        "Basic !!",
        "Basic ỷ",
        "Basic " + base64.b64encode(b"\xff").decode(),
        basic(password="wrong"),
        basic(username="nobody"),
        basic().replace("Basic", "Bearer"),
    ],
)
def test_a_token_is_given_for_the_right_password_only(authorization: str) -> None:
    assert isinstance(decoded(vietqr_token()), Ask)
    assert refused(vietqr_token(authorization)) == (401, "E74")


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer x",
        basic(),
        bearer(START)["authorization"][:-1] + "!",
        bearer(START)["authorization"] + "0",
        bearer(START)["authorization"].replace(".", ".1", 1),
        "Bearer " + token(msgspec.structs.replace(MERCHANT, merchant_code="nobody"), 1),
        "Bearer " + token(msgspec.structs.replace(MERCHANT, secrets={"password": "wrong"}), 1),
        "Bearer gICA.1." + "0" * 64,
        "Bearer _." + "1." + "0" * 64,
    ],
)
def test_no_other_token_opens_anything(authorization: str) -> None:
    for request in (vietqr_create("ORD1", 1, START), vietqr_check("ORD1", START), vietqr_refund("FT1", 1, START)):
        headers = {**request.headers, "authorization": authorization}
        assert refused(msgspec.structs.replace(request, headers=headers)) == (401, "E74")


@pytest.mark.parametrize("age_s", [-301, -300, 0, 300, 301])
def test_a_token_ends_after_300_seconds(age_s: int) -> None:
    """vietqr-vn-callback#token."""
    command = decoded(vietqr_check("ORD1", START))
    now = START + timedelta(seconds=age_s)
    if abs(age_s) <= 300:
        DIALECT.judge(command, None, now)
        return
    with pytest.raises(Refusal) as caught:
        DIALECT.judge(command, None, now)
    assert caught.value.reason is Reason.EXPIRED


def test_the_connectors_token_is_asked_for_beside_its_callback() -> None:
    """vietqr-vn-callback#token."""
    to = msgspec.structs.replace(MERCHANT, callback_url="https://dvc.vn/base/bank/api/transaction-sync")
    asked = token_request(notice(to))
    assert asked is not None
    assert (asked.method, asked.url, asked.body) == ("POST", "https://dvc.vn/base/api/token_generate", b"{}")
    assert dict(asked.headers)["authorization"] == basic("vietqr-calls-us", "vietqr-calls-us-password")


def test_or_wherever_the_connector_says_or_nowhere() -> None:
    elsewhere = msgspec.structs.replace(merchant(token_url="https://dvc.vn/t"), callback_url="https://dvc.vn/c")
    asked = token_request(notice(elsewhere))
    assert asked is not None
    assert asked.url == "https://dvc.vn/t"
    assert token_request(notice(msgspec.structs.replace(MERCHANT, callback_url="https://dvc.vn/c"))) is None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, b'{"access_token":"x"}'),
        (0, b""),
        (200, b""),
        (200, b"[]"),
        (200, b'{"token":"x"}'),
        (200, b'{"access_token":1}'),
        (200, b'{"access_token":""}'),
        (200, b'{"access_token":"a b"}'),
        (200, b'{"access_token":"a\\r\\nx: y"}'),
    ],
)
def test_an_answer_in_another_form_holds_no_token(status: int, body: bytes) -> None:
    assert client_token(Answer(200, (), b'{"access_token":"x","expires_in":59}')) == "x"
    with pytest.raises(ValueError, match=r"."):
        client_token(Answer(status, (), body))


# --- codes -------------------------------------------------------------------------------------------------------


def test_a_code_is_for_an_order() -> None:
    command = decoded(vietqr_create("ORD1", 20_000, START, amount=20_000.0, sign="theirs"))
    assert isinstance(command, Create)
    assert (command.order.order_ref, command.order.amount_vnd, command.order.channel) == ("ORD1", 20_000, Channel.QR)
    assert command.order.return_url == "http://portal.test/return"
    assert command.order.wire["sign"] == "theirs"
    assert command.repeatable


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": 0}, "E02"),
        ({"amount": -1}, "E02"),
        ({"amount": 1.5}, "E02"),
        ({"amount": 10**15}, "E02"),
        ({"amount": 500_000_000}, "E02"),
        ({"amount": None}, "E02"),
        ({"amount": True}, "E02"),
        ({"transType": "X"}, "E03"),
        ({"content": "a" * 20}, "E09"),
        ({"content": "Le phi"}, "E09"),
        ({"content": "Lệphí"}, "E09"),
        ({"content": ""}, "E09"),
        ({"bankAccount": ""}, "E10"),
        ({"bankAccount": "999"}, "E77"),
        ({"bankCode": "VCB"}, "E24"),
        ({"bankCode": "?"}, "E51"),
        ({"qrType": 1}, "E58"),
        ({"qrType": 3}, "E58"),
        ({"qrType": 2}, "E46"),
        ({"orderId": "a" * 20}, "E46"),
        ({"orderId": "HS-1"}, "E46"),
        ({"orderId": None}, "E46"),
        ({"userBankName": "TRUNG TÂM"}, "E46"),
        ({"urlLink": "javascript:alert(1)"}, "E46"),
        ({"urlLink": "https://dvc.vn/\r\n"}, "E46"),
        ({"terminalCode": "x" * 101}, "E46"),
        ({"sign": "\x00"}, "E46"),
    ],
)
def test_each_wrong_field_has_its_code(changes: dict[str, object], code: str) -> None:
    """vietqr-vn-errors."""
    assert refused(vietqr_create("ORD1", 20_000, START, **changes)) == (400, code)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 99_999, b"\xff"])
def test_what_is_no_json_object_is_e46(body: bytes) -> None:
    request = msgspec.structs.replace(vietqr_create("ORD1", 1, START), body=body)
    assert refused(request) == (400, "E46")


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=25)


@given(
    changes=st.dictionaries(st.sampled_from(["amount", "content", "qrType", "orderId", "urlLink", "x"]), scalars),
    raw=st.binary(max_size=100),
)
def test_any_body_is_understood_or_refused(changes: dict[str, object], raw: bytes) -> None:
    sane = vietqr_create("ORD1", 1, START)
    body = json.dumps({**json.loads(sane.body), **changes}).encode("utf-8", "surrogatepass")
    for each in (body, raw):
        endpoint, request = endpoint_of(DIALECT, msgspec.structs.replace(sane, body=each))
        try:
            command = endpoint.decode(request, lambda code: MERCHANT)
        except Refusal as refusal:
            command = None
            response = endpoint.encode(request, None, refusal)
        assert command is not None or response.status == 400


def test_the_code_to_be_scanned_names_account_amount_and_content() -> None:
    code = qr.parse(qr_text(payment(), MERCHANT))
    assert (code.bank_bin, code.beneficiary, code.amount_vnd) == ("970422", ACCOUNT, 20_000)
    assert code.purpose == content(payment()) == "VQR712a7d45ea DU5gUz"


# --- callbacks ---------------------------------------------------------------------------------------------------


def test_the_known_callback_has_its_known_sign() -> None:
    """vietqr-vn-callback, V1."""
    known = VECTOR["fields"]
    given_values = (known["transactionId"], known["amount"], known["transactionTime"], known["orderId"])
    assert sign(*given_values, VECTOR["secret_key"]) == VECTOR["sign"]


def test_a_callback_has_the_documents_fields() -> None:
    """vietqr-vn-callback#fields."""
    sent = callback(notice(bearer_token="of-the-connector"))
    body = json.loads(sent.body)
    text = f"712a7d45ea{'0' * 22}00000200001704070800000ORD1"
    assert body == {
        "transactionid": "712a7d45ea" + "0" * 22,
        "transactiontime": 1_704_070_800_000,
        "referencenumber": "FT26008507756020",
        "amount": 20_000,
        "content": "VQR712a7d45ea DU5gUz",
        "bankaccount": ACCOUNT,
        "transType": "C",
        "orderId": "ORD1",
        "sign": hmac.digest(SECRET_KEY.encode(), text.encode(), "sha256").hex(),
        "terminalCode": "QUAY1",
        "subTerminalCode": "",
        "serviceCode": "",
        "urlLink": "https://dvc.vn/return",
    }
    assert dict(sent.headers)["authorization"] == "Bearer of-the-connector"
    assert "authorization" not in dict(callback(notice()).headers)


def test_the_orders_own_sign_comes_back_by_option() -> None:
    assert json.loads(callback(notice(merchant(sign="echo"))).body)["sign"] == "theirs"


@pytest.mark.parametrize(
    ("status", "body", "done"),
    [
        (200, {"error": False, "errorReason": "000", "toastMessage": "", "object": {"reftransactionid": "1"}}, True),
        (201, {"error": False, "object": {"reftransactionid": ""}}, True),
        (200, {"error": False, "object": None}, False),
        (200, {"error": False, "object": {}}, False),
        (200, {"error": False, "object": {"reftransactionid": None}}, False),
        (200, {"error": "false", "object": {"reftransactionid": "1"}}, False),
        (200, {"object": {"reftransactionid": "1"}}, False),
        (200, {"error": True, "errorReason": "E1", "object": {"reftransactionid": "1"}}, False),
        (200, {"error": True, "errorReason": "006", "object": None}, True),
        (200, {"error": True, "errorReason": "007"}, True),
        (200, {"error": True, "errorReason": None}, False),
        (400, {"error": True, "errorReason": "006"}, False),
        (500, {"error": False, "object": {"reftransactionid": "1"}}, False),
        (0, {}, False),
        (200, [], False),
    ],
)
def test_only_no_error_or_an_agreed_one_ends_the_retries(status: int, body: object, done: bool) -> None:
    """vietqr-vn-retry, vietqr-vn-server."""
    told = notice(merchant(final_codes="006 007"))
    assert acknowledged(Answer(status, (), json.dumps(body).encode()), told).done is done


@given(body=st.binary(max_size=200))
def test_no_garbage_acknowledges(body: bytes) -> None:
    assert not acknowledged(Answer(200, (), body), notice()).done


@pytest.mark.parametrize("state", State)
def test_the_browser_goes_back_after_success(state: State) -> None:
    assert return_url(payment(state), MERCHANT) == ("https://dvc.vn/return" if state in COLLECTED else "")


def test_the_banks_number_looks_as_documented() -> None:
    number = DIALECT.bank_ref(Random(1), datetime(2026, 1, 8, tzinfo=UTC))
    assert number.startswith("FT26008")
    assert len(number) == len("FT26008507756020")


# --- questions and refunds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"checkSum": "0" * 32}, "E39"),
        ({"checkSum": md5(ACCOUNT)}, "E39"),
        ({"checkSum": "x"}, "E46"),
        ({"type": 2}, "E95"),
        ({"type": None}, "E95"),
        ({"value": ""}, "E46"),
        ({"value": "a b"}, "E46"),
        ({"bankAccount": "999"}, "E77"),
    ],
)
def test_a_wrong_question_has_its_code(changes: dict[str, object], code: str) -> None:
    """vietqr-vn-check."""
    request = vietqr_check("ORD1", START)
    body = json.dumps({**json.loads(request.body), **changes}).encode()
    assert refused(msgspec.structs.replace(request, body=body)) == (400, code)


def test_a_question_names_the_order_or_the_transfer() -> None:
    by_order, by_transfer = decoded(vietqr_check("ORD1", START)), decoded(vietqr_check("FT1", START, type="1"))
    assert isinstance(by_order, Query)
    assert isinstance(by_transfer, Query)
    assert (by_order.order_key, by_order.name) == ("ORD1", "")
    assert (by_transfer.order_key, by_transfer.name) == ("", "FT1")
    assert isinstance(decoded(vietqr_check("ORD1", START, checkSum=md5(ACCOUNT + USERNAME).upper())), Query)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"checkSum": "0" * 32}, "E39"),
        ({"amount": "1001"}, "E39"),
        ({"amount": "1.5"}, "E02"),
        ({"referenceNumber": "a b"}, "E46"),
        ({"bankAccount": "999"}, "E77"),
        ({"bankCode": "VCB"}, "E24"),
    ],
)
def test_a_wrong_refund_has_its_code(changes: dict[str, object], code: str) -> None:
    """vietqr-vn-refund."""
    assert refused(vietqr_refund("FT1", 1_000, START, **changes)) == (400, code)


def test_only_some_accounts_refund() -> None:
    assert refused(vietqr_refund("FT1", 1_000, START), merchant(refunds="off")) == (400, "E42")


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_status(state: State) -> None:
    """vietqr-vn-check: 0 waits, 1 is paid, 2 is cancelled."""
    expected = 1 if state in COLLECTED else 0 if state in (State.PENDING, State.SUSPECTED) else 2
    assert STATUSES.get(state, 2) == expected


@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_has_a_documented_code(reason: Reason) -> None:
    known = {f"E{number:02}" for number in (2, 3, 5, 9, 10, 24, 39, 42, 43, 44, 45, 46, 51, 58, 67, 74, 76, 77, 95, 96)}
    for endpoint in DIALECT.endpoints:
        response = endpoint.encode(Request("POST", endpoint.path), None, Refusal(reason))
        assert json.loads(response.body)["message"] in known
        assert response.status in (400, 401)


# --- orders ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stage:
    world: World
    courier: Courier
    portal: Connector

    async def said(self, request: Request) -> tuple[int, Any]:
        response = (await ask(self.world, "vietqr_vn", request)).response
        return response.status, json.loads(response.body)

    async def paid(self, amount_vnd: int | None = None) -> Payment:
        assert (await self.said(vietqr_create("ORD1", 20_000, START)))[0] == 200
        (made,) = await self.world.store.payments(self.world.name)
        return await act(self.world, made.payment_id, Event.APPROVE, amount_vnd=amount_vnd)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier, connector() as portal:
        portal.answer = lambda method, path, body: web.json_response(answer(method, path, body))
        told = msgspec.structs.replace(MERCHANT, callback_url=f"{portal.url}/base/bank/api/transaction-sync")
        world = await worlds.create("ci", seed="1", clock_at=START, merchants=(told,))
        yield Stage(world, courier, portal)


async def test_a_given_token_opens_the_rest(stage: Stage) -> None:
    status, said = await stage.said(vietqr_token())
    assert (status, said["token_type"], said["expires_in"]) == (200, "Bearer", 300)
    assert f"Bearer {said['access_token']}" == bearer(START)["authorization"]
    await stage.courier.advance(stage.world, START + timedelta(seconds=301))
    assert await stage.said(vietqr_create("ORD1", 1, START)) == (401, {"status": "FAILED", "message": "E74"})


async def test_a_code_is_answered_and_the_same_again(stage: Stage) -> None:
    status, said = await stage.said(vietqr_create("ORD1", 20_000, START))
    (made,) = await stage.world.store.payments(stage.world.name)
    assert status == 200
    assert (said["orderId"], said["amount"], said["terminalCode"]) == ("ORD1", "20000", "QUAY1")
    assert (said["transactionId"], said["qrLink"]) == (made.payment_id, stage.world.page_url(made.payment_id))
    assert qr.parse(said["qrCode"]).purpose == said["content"]
    assert await stage.said(vietqr_create("ORD1", 20_000, START)) == (200, said)
    assert (await stage.said(vietqr_create("ORD1", 1, START)))[1]["message"] == "E05"


async def test_a_transfer_is_called_back_with_the_connectors_token(stage: Stage) -> None:
    await stage.paid()
    await stage.courier.run_due(stage.world)
    paths = [path for _, path, _ in stage.portal.requests]
    assert paths == ["/base/api/token_generate", "/base/bank/api/transaction-sync"]
    assert stage.portal.headers[1]["authorization"] == "Bearer of-the-connector"
    (delivery,) = await stage.world.store.deliveries(stage.world.name)
    assert delivery.state is DeliveryState.ACKNOWLEDGED
    kept = str(await stage.world.store.exchanges(stage.world.name))
    assert not [text for text in ("of-the-connector", *MERCHANT.secrets.values()) if text in kept]


async def test_a_callback_is_tried_ten_times_more_five_of_them_in_the_first_minute(stage: Stage) -> None:
    """vietqr-vn-retry."""

    def failing(method: str, path: str, body: bytes) -> web.Response:
        said = answer(method, path, body)
        return web.json_response(said if "token" in path else {**said, "error": True, "errorReason": "E1"})

    stage.portal.answer = failing
    await stage.paid()
    await stage.courier.advance(stage.world, START + timedelta(hours=1))
    assert len([path for _, path, _ in stage.portal.requests if path.endswith("sync")]) == 11
    delays_s = DIALECT.retry.delays_s
    assert (len(delays_s), sum(delays_s[:5]), set(delays_s[5:])) == (10, 60, {60})


async def test_an_order_is_found_by_both_names(stage: Stage) -> None:
    """vietqr-vn-check."""
    await stage.said(vietqr_create("ORD1", 20_000, START))
    assert (await stage.said(vietqr_check("ORD1", START)))[1][0]["status"] == 0
    (made,) = await stage.world.store.payments(stage.world.name)
    await act(stage.world, made.payment_id, Event.APPROVE)
    status, [found] = await stage.said(vietqr_check("ORD1", START))
    assert (status, found["status"], found["amount"], found["transType"]) == (200, 1, 20_000, "C")
    assert found["timePaid"] == int(START.timestamp())
    assert await stage.said(vietqr_check(found["referenceNumber"], START, type=1)) == (200, [found])
    assert await stage.said(vietqr_check("ORD2", START)) == (400, {"status": "FAILED", "message": "E96"})


async def test_one_refund_unless_the_first_says_many(stage: Stage) -> None:
    """vietqr-vn-refund#multi-times."""
    reference = (await stage.paid()).bank_ref
    status, said = await stage.said(vietqr_refund(reference, 5_000, START))
    assert (status, said["status"]) == (200, "SUCCESS")
    assert (await stage.said(vietqr_refund(reference, 1_000, START, multiTimes=True)))[1]["message"] == "E43"


async def test_refunds_never_exceed_the_payment(stage: Stage) -> None:
    reference = (await stage.paid()).bank_ref

    async def code(amount_vnd: int, about: str = "Hoan phi") -> str:
        request = vietqr_refund(reference, amount_vnd, START, multiTimes=True, content=about)
        return str((await stage.said(request))[1]["message"])

    assert await code(20_001) == "E45"
    assert (await code(15_000)).startswith("FT")
    assert await code(15_000) == "E43"
    assert await code(5_001) == "E45"
    assert (await code(5_000)).startswith("FT")
    assert await code(1, "once more") == "E45"
    (found,) = (await stage.said(vietqr_check("ORD1", START)))[1]
    assert (found["refundCount"], found["amountRefunded"]) == (2, 20_000)
    assert sum(entry.amount_vnd for entry in await stage.world.store.ledger(stage.world.name)) == 0


async def test_neither_an_unpaid_nor_an_unknown_transfer_is_refunded(stage: Stage) -> None:
    await stage.said(vietqr_create("ORD1", 20_000, START))
    (made,) = await stage.world.store.payments(stage.world.name)
    assert (await stage.said(vietqr_refund(made.bank_ref, 1, START)))[1]["message"] == "E43"
    assert (await stage.said(vietqr_refund("FT1", 1, START)))[1]["message"] == "E44"


def test_a_second_refund_may_follow_a_first_of_many() -> None:
    first = Refund(request_ref="many|1|x", amount_vnd=1, refunded_at=PAID_AT, bank_ref="FT1")
    command = decoded(vietqr_refund("FT26008507756020", 1_000, PAID_AT))
    assert isinstance(command, RefundOrder)
    DIALECT.judge(command, payment(State.PARTLY_REFUNDED, refunds=(first,)), PAID_AT)
