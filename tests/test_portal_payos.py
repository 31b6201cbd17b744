"""The portal at payOS: the links it makes, the transfers it believes, what it asks and what it takes back."""

import hmac
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.targets.portal.bank_line import BankLine
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Effect, Outcome, Rejected
from conformance.targets.portal.protocols import payos
from conformance.targets.portal.protocols.payos import PayosContract
from tests.portals import FEE_VND, NOON, Json, Running, running, streamed

NO_FLAWS: frozenset[Flaw] = frozenset()
CONTRACT = PayosContract()
KEY = CONTRACT.checksum_key
ORDER = "1234567890123456"
CODE = "00020101021238540010A00000072701240006970436"
KNOWN = {
    each["key"]: each
    for each in json.loads(files("fixtures").joinpath("wire", "payos", "signatures.json").read_text("utf-8"))
}


def sealed(data: Json, key: str = KEY) -> str:
    def shown(value: Any) -> str:
        return json.dumps(value, sort_keys=True, separators=(",", ":")) if isinstance(value, list) else str(value)

    text = "&".join(f"{name}={'' if data[name] is None else shown(data[name])}" for name in sorted(data))
    return hmac.digest(key.encode(), text.encode(), "sha256").hex()


def envelope(data: Json, key: str = KEY, **changes: Any) -> Json:
    return {"code": "00", "desc": "success", "data": data, "signature": sealed(data, key)} | changes


def transfer(amount_vnd: object = FEE_VND, reference: str = "TF2611220001") -> Json:
    return {
        "reference": reference,
        "amount": amount_vnd,
        "accountNumber": "0123499999",
        "description": "H49261122XXXXXXXX",
        "transactionDateTime": "2026-11-22 12:05:00",
        "virtualAccountName": "",
        "virtualAccountNumber": "",
        "counterAccountBankId": None,
        "counterAccountBankName": "",
        "counterAccountName": "",
        "counterAccountNumber": "",
    }


def told(order_ref: str, amount_vnd: object = FEE_VND, reference: str = "TF2611220001", **changes: Any) -> Json:
    more = {"orderCode": int(order_ref), "currency": "VND", "paymentLinkId": "a1", "code": "00", "desc": "Thành công"}
    return transfer(amount_vnd, reference) | more | changes


def link(order_ref: str, status: str = "PAID", amount_vnd: int = FEE_VND, **changes: Any) -> Json:
    paid = status in ("PAID", "UNDERPAID")
    return {
        "id": "a1",
        "orderCode": int(order_ref),
        "amount": amount_vnd,
        "amountPaid": amount_vnd if paid else 0,
        "amountRemaining": 0 if paid else amount_vnd,
        "status": status,
        "createdAt": "2026-11-22T12:00:00+07:00",
        "transactions": [transfer(amount_vnd)] if paid else [],
        "canceledAt": None,
        "cancellationReason": None,
    } | changes


def created(asked: Json) -> Json:
    data = {
        "bin": "970436",
        "accountNumber": "0123499999",
        "amount": asked["amount"],
        "orderCode": asked["orderCode"],
        "paymentLinkId": "a1",
        "status": "PENDING",
        "expiredAt": asked["expiredAt"],
        "checkoutUrl": "https://pay.test/a1",
        "qrCode": CODE,
    }
    return envelope(data)


Answerer = Callable[[Json], Any]


class PayOs:
    """What the portal asks payOS, and what it is answered."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        self.asked: list[Json] = []
        self.create: Answerer = created
        self.query: Answerer = lambda asked: envelope(link(asked["orderCode"]))

    def serve(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["x-client-id"] == CONTRACT.client_id
        assert request.headers["x-api-key"] == CONTRACT.api_key
        path = request.url.path.removeprefix("/payos/v2/payment-requests")
        self.requests.append((request.method, path))
        asked = json.loads(request.content) if request.content else {"orderCode": path.split("/")[1]}
        self.asked.append(asked)
        found = self.create(asked) if not path else self.query(asked)
        return found if isinstance(found, httpx.Response) else streamed(json.dumps(found).encode())


@asynccontextmanager
async def at_payos(folder: Path, *flaws: Flaw) -> AsyncIterator[tuple[Running, PayOs]]:
    bank = PayOs()
    async with running(folder, *flaws) as portal:
        await portal.portal.line.close()
        portal.portal.line = BankLine(5.0, httpx.MockTransport(bank.serve))
        yield portal, bank


async def send(portal: Running, message: object) -> tuple[int, bool]:
    answer = await portal.http.post("/callbacks/payos", json=message)
    return answer.status_code, answer.json()["success"]


async def opened(portal: Running, method: str = "redirect") -> str:
    order_ref: str = (await portal.open("payos", method=method))["order_ref"]
    return order_ref


def read(message: object) -> Any:
    return payos.read_webhook(CONTRACT, json.dumps(message).encode(), NO_FLAWS)


# --- what is known ------------------------------------------------------------------------------------------------


def test_the_documents_webhook_is_rightly_signed_and_tries_the_address_out() -> None:
    # payos-webhook-signature (P1)
    message = {"data": KNOWN["P1"]["fields"], "signature": KNOWN["P1"]["signature"]}
    with pytest.raises(Rejected) as rejected:
        read(message)
    assert rejected.value.effect is Effect.NOTED
    with pytest.raises(Rejected, match="bad_signature"):
        read(message | {"data": KNOWN["P1"]["fields"] | {"amount": 3001}})


def test_a_known_order_is_signed_alike() -> None:
    # payos-clients (P2)
    fields = KNOWN["P2"]["fields"]
    assert payos._joined(fields) == KNOWN["P2"]["string_to_sign"]
    assert sealed(fields) == KNOWN["P2"]["signature"]


# --- the link -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["redirect", "qr"])
async def test_a_link_is_made_for_the_fee(tmp_path: Path, method: str) -> None:
    async with at_payos(tmp_path) as (portal, bank):
        found = await portal.open("payos", method=method)
        bill_code = (await portal.status())["bill_code"]
    assert bank.requests == [("POST", "")]
    (asked,) = bank.asked
    signature = asked.pop("signature")
    assert asked.pop("expiredAt") == int(NOON.timestamp()) + 900
    assert signature == sealed(asked)
    assert asked == {
        "orderCode": int(found["order_ref"]),
        "amount": FEE_VND,
        "description": bill_code,
        "cancelUrl": "http://portal.test/return/payos",
        "returnUrl": "http://portal.test/return/payos",
    }
    assert len(bill_code) <= 25
    if method == "qr":
        assert (found["kind"], found["payload"]) == ("qr", CODE)
    else:
        assert (found["kind"], found["url"]) == ("redirect", "https://pay.test/a1")


def test_an_order_is_called_by_a_number_that_javascript_can_hold() -> None:
    drawn = {payos.new_order(NOON) for _ in range(500)}
    assert len(drawn) == 500
    assert all(re.fullmatch(r"1[0-9]{15}", each) and int(each) < 2**53 for each in drawn)


@pytest.mark.parametrize(
    "answer",
    [
        lambda asked: {"code": "231", "desc": "Đơn thanh toán đã tồn tại", "data": None, "signature": None},
        lambda asked: created(asked | {"amount": 1}),
        lambda asked: created(asked | {"orderCode": 5}),
        lambda asked: created(asked) | {"signature": None},
        lambda asked: created(asked) | {"signature": "0" * 64},
        lambda asked: envelope(created(asked)["data"] | {"checkoutUrl": "javascript:alert(1)"}),
        lambda asked: envelope(created(asked)["data"] | {"checkoutUrl": "http://[x"}),
        lambda asked: envelope(created(asked)["data"] | {"qrCode": ""}),
        lambda asked: envelope(created(asked)["data"] | {"qrCode": "0" * 513}),
        lambda asked: {"code": "00", "data": []},
        lambda asked: {},
        lambda asked: httpx.Response(401),
    ],
)
async def test_a_link_that_is_not_the_one_that_was_asked_for_is_not_shown(tmp_path: Path, answer: Any) -> None:
    async with at_payos(tmp_path) as (portal, bank):
        bank.create = answer
        await portal.declare()
        body = {"bank": "payos", "method": "redirect"}
        response = await portal.http.post("/api/dossiers/HS-1/payments", json=body)
        assert response.status_code == 502
        # A lost answer loses nothing: the order stands in the books.
        assert (await portal.status())["attempts"][-1]["bank"] == "payos"


# --- the webhook --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        envelope(told(ORDER)),
        envelope(told(ORDER, campaign="Tết", more=[{"b": 1, "a": None}], yes=None)),
        envelope(
            {name: value for name, value in told(ORDER).items() if "ccount" not in name}
            | {"accountNumber": "0123499999"}
        ),
        envelope(told(ORDER), code="01", success=False),
        {**envelope(told(ORDER)), "signature": sealed(told(ORDER)).upper()},
        envelope(told(ORDER, counterAccountName="undefined") | {"counterAccountName": ""}),
    ],
    ids=["plain", "new fields", "no payer's account", "unsigned code", "upper case", "empty"],
)
def test_what_payos_signed_is_believed(message: Json) -> None:
    word = read(message)
    assert (word.order_ref, word.amount_vnd, word.outcome) == (ORDER, FEE_VND, Outcome.PAID)
    assert (word.money_ref, word.arrived) == ("TF2611220001", True)


@pytest.mark.parametrize(("value", "signed_as"), [(None, ""), ("null", ""), ("undefined", ""), (True, "true")])
def test_values_are_signed_as_javascript_writes_them(value: object, signed_as: str) -> None:
    # payos-webhook-signature
    message = envelope(told(ORDER, campaign=signed_as))
    message["data"]["campaign"] = value
    assert read(message).outcome is Outcome.PAID


@pytest.mark.parametrize(
    "message",
    [
        envelope(told(ORDER)) | {"signature": None},
        envelope(told(ORDER)) | {"signature": ""},
        envelope(told(ORDER)) | {"signature": sealed(told(ORDER))[:-1]},
        envelope(told(ORDER)) | {"signature": "ộ" * 64},
        envelope(told(ORDER), "another"),
        envelope(told(ORDER)) | {"data": told(ORDER, FEE_VND + 1)},
        envelope(told(ORDER)) | {"data": told(ORDER, campaign="x")},
        envelope(told(ORDER)) | {"data": None},
        {},
    ],
)
def test_what_payos_did_not_sign_is_not_believed(message: Json) -> None:
    with pytest.raises(Rejected) as rejected:
        read(message)
    assert rejected.value.effect in (Effect.BAD_SIGNATURE, Effect.MALFORMED)


@pytest.mark.parametrize("how", ["in a value", "in a name"])
def test_a_field_that_hides_in_its_neighbour_is_not_believed(how: str) -> None:
    data = told(ORDER)
    signature = sealed(data)
    hidden = {name: value for name, value in data.items() if name not in ("desc", "description")}
    if how == "in a value":
        hidden["desc"] = f"{data['desc']}&description={data['description']}"
    else:
        hidden[f"desc={data['desc']}&description"] = data["description"]
    assert sealed(hidden) == signature
    with pytest.raises(Rejected, match="bad_signature"):
        read({"data": hidden, "signature": signature})


async def test_a_transfer_settles_and_a_repetition_is_taken(tmp_path: Path) -> None:
    async with at_payos(tmp_path) as (portal, _):
        order_ref = await opened(portal)
        for _ in range(2):
            assert await send(portal, envelope(told(order_ref))) == (200, True)
        status = await portal.status()
    assert (status["status"], status["receipts"], status["refund_due_vnd"]) == ("paid", 1, 0)


async def test_a_second_transfer_is_due_back(tmp_path: Path) -> None:
    async with at_payos(tmp_path) as (portal, _):
        order_ref = await opened(portal)
        for reference in ("TF1", "TF2", "TF2"):
            assert await send(portal, envelope(told(order_ref, reference=reference))) == (200, True)
        assert (await portal.status())["refund_due_vnd"] == FEE_VND


@pytest.mark.parametrize("amount_vnd", [1, FEE_VND - 1, FEE_VND + 1])
async def test_another_sum_has_come_all_the_same_and_is_due_back(tmp_path: Path, amount_vnd: int) -> None:
    async with at_payos(tmp_path) as (portal, _):
        order_ref = await opened(portal)
        assert await send(portal, envelope(told(order_ref, amount_vnd))) == (200, True)
        status = await portal.status()
    assert (status["status"], status["receipts"], status["refund_due_vnd"]) == ("pending", 0, amount_vnd)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"orderCode": 5}, 404),
        ({"orderCode": None}, 400),
        ({"accountNumber": "0123499998"}, 404),
        ({"currency": "USD"}, 404),
        ({"amount": -FEE_VND}, 400),
        ({"amount": f"{FEE_VND}.0"}, 400),
        ({"amount": 0}, 400),
        ({"reference": ""}, 400),
        ({"code": ""}, 400),
    ],
)
async def test_what_cannot_be_booked_is_not_acknowledged(tmp_path: Path, changes: Json, status: int) -> None:
    async with at_payos(tmp_path) as (portal, _):
        order_ref = await opened(portal)
        assert await send(portal, envelope(told(order_ref) | changes)) == (status, False)
        assert (await portal.status())["amount_paid_vnd"] == 0


@pytest.mark.parametrize("code", ["01", "88", "0", "success"])
async def test_another_code_decides_nothing(tmp_path: Path, code: str) -> None:
    async with at_payos(tmp_path) as (portal, _):
        order_ref = await opened(portal)
        assert await send(portal, envelope(told(order_ref, code=code))) == (200, True)
        assert (await portal.status())["status"] == "pending"
        assert await send(portal, envelope(told(order_ref))) == (200, True)
        assert (await portal.status())["status"] == "paid"


async def test_who_tries_the_address_out_is_answered_well_and_a_stranger_is_not(tmp_path: Path) -> None:
    # payos-clients#webhook: registering an address fails unless this is answered by 2xx.
    trial = {"data": KNOWN["P1"]["fields"], "signature": KNOWN["P1"]["signature"]}
    async with at_payos(tmp_path) as (portal, _):
        await opened(portal)
        assert await send(portal, trial) == (200, True)
        assert await send(portal, trial | {"signature": "0" * 64}) == (401, False)
        assert (await portal.status())["status"] == "pending"


async def test_a_portal_that_fails_does_not_seem_to_be_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object) -> None:
        raise RuntimeError("a fault of the portal's own")

    async with at_payos(tmp_path) as (portal, _):
        order_ref = await opened(portal)
        monkeypatch.setattr(payos, "read_webhook", broken)
        assert await send(portal, envelope(told(order_ref))) == (500, False)


@pytest.mark.parametrize("effect", list(Effect))
def test_only_what_is_kept_is_acknowledged(effect: Effect) -> None:
    status, content = payos.acknowledge(effect, "")
    kept = (Effect.SETTLED, Effect.REFUND_DUE, Effect.FAILED, Effect.NOTED, Effect.REPEATED)
    assert (status == 200, content["success"]) == (effect in kept, effect in kept)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"data": {"amount": ' + b"9" * 5000 + b"}}",
        b'{"data": {"desc": "\\ud800"}}',
    ],
)
async def test_garbage_is_refused(tmp_path: Path, body: bytes) -> None:
    async with at_payos(tmp_path) as (portal, _):
        answer = await portal.http.post("/callbacks/payos", content=body)
    assert (answer.status_code, answer.json()["success"]) in ((400, False), (401, False))


@given(
    st.recursive(
        st.none() | st.text() | st.integers() | st.booleans() | st.floats(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["data", "signature", "orderCode", "a"]), inner)
        ),
    )
)
def test_any_json_is_refused_in_words(value: Any) -> None:
    with pytest.raises(Rejected):
        read(value)


# --- asking, cancelling, coming back ------------------------------------------------------------------------------


async def test_a_lost_webhook_is_found_by_asking_and_is_the_same_money(tmp_path: Path) -> None:
    async with at_payos(tmp_path) as (portal, bank):
        order_ref = await opened(portal)
        assert (await portal.run_jobs())["told"] == 1
        assert bank.requests[-1] == ("GET", f"/{order_ref}")
        await send(portal, envelope(told(order_ref)))
        status = await portal.status()
    assert (status["status"], status["receipts"], status["refund_due_vnd"]) == ("paid", 1, 0)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (lambda ref: envelope(link(ref, "PENDING")), "pending"),
        (lambda ref: envelope(link(ref, "PROCESSING")), "pending"),
        (lambda ref: envelope(link(ref, "SOMETHING")), "pending"),
        (lambda ref: envelope(link(ref, "CANCELLED")), "failed"),
        (lambda ref: envelope(link(ref, "EXPIRED")), "failed"),
        (lambda ref: envelope(link(ref, "FAILED")), "failed"),
        (lambda ref: envelope(link("5")), "pending"),
        (lambda ref: envelope(link(ref, amount_vnd=FEE_VND - 1)), "pending"),
        (lambda ref: envelope(link(ref, transactions=[])), "pending"),
        (lambda ref: envelope(link(ref, transactions=[transfer(None)])), "pending"),
        (lambda ref: envelope(link(ref), "another"), "pending"),
        (lambda ref: envelope(link(ref, "PENDING")) | {"data": link(ref)}, "pending"),
        (lambda ref: envelope(link(ref), code="20"), "pending"),
        (
            lambda ref: {"code": "20", "desc": "Đơn thanh toán không tồn tại", "data": None, "signature": None},
            "pending",
        ),
        (lambda ref: {}, "pending"),
        (lambda ref: httpx.Response(500), "pending"),
    ],
)
async def test_an_answer_is_believed_no_sooner_than_a_webhook(tmp_path: Path, answer: Any, state: str) -> None:
    async with at_payos(tmp_path) as (portal, bank):
        bank.query = lambda asked: answer(asked["orderCode"])
        await opened(portal)
        await portal.run_jobs()
        status = await portal.status()
    assert (status["status"], status["amount_paid_vnd"], status["refund_due_vnd"]) == (state, 0, 0)


async def test_what_came_short_is_found_by_asking_and_due_back(tmp_path: Path) -> None:
    async with at_payos(tmp_path) as (portal, bank):
        short = [transfer(FEE_VND - 1000)]
        bank.query = lambda asked: envelope(link(asked["orderCode"], "UNDERPAID", transactions=short))
        await opened(portal)
        await portal.run_jobs()
        status = await portal.status()
    assert (status["status"], status["refund_due_vnd"]) == ("pending", FEE_VND - 1000)


async def test_a_cancelled_dossiers_link_is_cancelled_and_late_money_due_back(tmp_path: Path) -> None:
    async with at_payos(tmp_path) as (portal, bank):
        order_ref = await opened(portal)
        await portal.http.post("/api/dossiers/HS-1/cancel")
        assert bank.requests[-1] == ("POST", f"/{order_ref}/cancel")
        assert bank.asked[-1] == {"cancellationReason": "Ho so da huy"}
        assert await send(portal, envelope(told(order_ref))) == (200, True)
        status = await portal.status()
    assert (status["status"], status["receipts"], status["refund_due_vnd"]) == ("cancelled", 0, FEE_VND)


async def test_a_dossier_is_cancelled_though_payos_is_silent(tmp_path: Path) -> None:
    async with at_payos(tmp_path) as (portal, bank):
        await opened(portal)
        bank.query = lambda asked: httpx.Response(503)
        assert (await portal.http.post("/api/dossiers/HS-1/cancel")).json()["status"] == "cancelled"


async def test_only_open_links_are_cancelled(tmp_path: Path) -> None:
    async with at_payos(tmp_path) as (portal, bank):
        await opened(portal)
        bank.query = lambda asked: envelope(link(asked["orderCode"], "EXPIRED"))
        await portal.run_jobs()
        asked_before = len(bank.requests)
        await portal.http.post("/api/dossiers/HS-1/cancel")
        assert len(bank.requests) == asked_before


@pytest.mark.parametrize("status", ["PAID", "CANCELLED"])
async def test_a_return_is_a_hint_at_an_order_and_settles_nothing(tmp_path: Path, status: str) -> None:
    async with at_payos(tmp_path) as (portal, _):
        order_ref = await opened(portal)
        page = await portal.http.get(f"/return/payos?code=00&id=a1&cancel=false&status={status}&orderCode={order_ref}")
        assert "HS-1" in page.text
        assert (await portal.http.get("/return/payos?orderCode=5")).status_code == 200
        assert (await portal.status())["status"] == "pending"
