"""The portal at OnePay's domestic gateway: what it signs, whom it believes, what it answers and what it asks."""

import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.targets.portal.bank_line import BankLine
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Effect, Outcome, Rejected
from conformance.targets.portal.protocols import onepay_domestic as onepay
from conformance.targets.portal.protocols.onepay_domestic import OnepayContract
from tests.portals import FEE_VND, Running, running, streamed

NO_FLAWS: frozenset[Flaw] = frozenset()
CONTRACT = OnepayContract()
SECRET = "A3EFDFABA8653DF2342E8DAC29B51AF0"
KNOWN = {
    each["key"]: each
    for each in json.loads(files("fixtures").joinpath("wire", "onepay", "signatures.json").read_text("utf-8"))
}
CONFIRMED = "responsecode=1&desc=confirm-success"
REFUSED = "responsecode=0&desc=confirm-fail"
FAILURES = ["1", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "21", "22", "23", "24", "25", "99", "253"]


def hashed(fields: dict[str, str], secret: str = SECRET) -> str:
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name.startswith(("vpc_", "user_")))
    return hmac.digest(bytes.fromhex(secret), text.encode(), "sha256").hex().upper()


def told(order_ref: str, amount_vnd: int = FEE_VND, **changes: str) -> dict[str, str]:
    fields = {
        "vpc_AdditionData": "970436",
        "vpc_Amount": str(amount_vnd * 100),
        "vpc_Command": "pay",
        "vpc_CurrencyCode": "VND",
        "vpc_Locale": "vn",
        "vpc_MerchTxnRef": order_ref,
        "vpc_Merchant": "ONEPAY",
        "vpc_OrderInfo": "Ho so HS 1",
        "vpc_TransactionNo": "1625746",
        "vpc_TxnResponseCode": "0",
        "vpc_Version": "2",
    }
    return {name: value for name, value in (fields | changes).items() if value}


def signed(fields: dict[str, str], secret: str = SECRET) -> str:
    return urlencode(fields | {"vpc_SecureHash": hashed(fields, secret)})


def read(query: str) -> Any:
    return onepay.read_callback(CONTRACT, query.encode(), NO_FLAWS)


async def send(portal: Running, query: str, method: str = "GET") -> str:
    if method == "GET":
        answer = await portal.http.get(f"/callbacks/onepay_domestic?{query}")
    else:
        answer = await portal.http.post("/callbacks/onepay_domestic", content=query)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.text


# --- what is known ------------------------------------------------------------------------------------------------


def test_a_known_callback_is_read() -> None:
    # onepay-clients (O1)
    fields = dict(parse_qsl(KNOWN["O1"]["string_to_sign"]))
    word = read(urlencode(fields | {"vpc_SecureHash": KNOWN["O1"]["signature"]}))
    assert (word.order_ref, word.amount_vnd, word.outcome) == ("201803210919102006754784", 1, Outcome.PAID)
    assert (word.bank_ref, word.code) == ("1625746", "0")


@pytest.mark.parametrize("key", ["O1", "O2", "O4"])
def test_the_tests_own_signing_is_the_known_one(key: str) -> None:
    pairs = (part.partition("=") for part in KNOWN[key]["string_to_sign"].split("&"))
    assert hashed({name: value for name, _, value in pairs}) == KNOWN[key]["signature"]


async def test_the_payer_is_sent_with_a_signed_order(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.declare("H49.12.6-261122-0001")
        opened = await portal.open("onepay_domestic", "H49.12.6-261122-0001")
    address = urlsplit(opened["url"])
    fields = dict(parse_qsl(address.query))
    given = fields.pop("vpc_SecureHash")
    assert f"{address.scheme}://{address.netloc}{address.path}" == (
        "http://bank.test/onepay_domestic/onecomm-pay/vpc.op"
    )
    assert given == hashed(fields)
    assert fields == {
        "vpc_Version": "2",
        "vpc_Currency": "VND",
        "vpc_Command": "pay",
        "vpc_AccessCode": "D67342C2",
        "vpc_Merchant": "ONEPAY",
        "vpc_Locale": "vn",
        "vpc_ReturnURL": "http://portal.test/return/onepay_domestic",
        "vpc_MerchTxnRef": opened["order_ref"],
        "vpc_OrderInfo": "Ho so H49 12 6 261122 0001",
        "vpc_Amount": "5000000",
        "vpc_TicketNo": "127.0.0.1",
        "AgainLink": "http://portal.test/dossiers/H49.12.6-261122-0001",
        "Title": "Nop phi le phi",
    }


async def test_an_orders_text_is_no_longer_than_the_gateway_takes(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.declare("X" * 80)
        opened = await portal.open("onepay_domestic", "X" * 80)
    fields = dict(parse_qsl(urlsplit(opened["url"]).query))
    assert fields["vpc_OrderInfo"] == "Ho so " + "X" * 26
    assert len(fields["vpc_MerchTxnRef"]) <= 34


def test_a_key_that_is_no_hex_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        OnepayContract(secret="no hex at all")


# --- the callback -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        signed(told("5")).replace("vpc_SecureHash", "utm_source=zalo&vpc_SecureHashType=SHA256&vpc_SecureHash"),
        "&".join(reversed(signed(told("5")).split("&"))),
        signed(told("5")).replace("+", "%20"),
        signed(told("5")) + "&vpc_Message=",
        signed(told("5", vpc_Campaign="Tết", user_Note="a=b")),
        signed(told("5", vpc_AdditionData="", vpc_CurrencyCode="")),
        urlencode(told("5") | {"vpc_SecureHash": hashed(told("5")).lower()}),
    ],
    ids=["a stranger's parameters", "another order", "blanks", "an empty one", "new fields", "fewer", "lower case"],
)
def test_what_onepay_signed_is_believed_however_it_travelled(query: str) -> None:
    assert read(query).outcome is Outcome.PAID


@pytest.mark.parametrize(
    "query",
    [
        "",
        urlencode(told("5")),
        urlencode(told("5")) + "&vpc_SecureHash=",
        signed(told("5"))[:-1],
        signed(told("5")).replace("5000000", "5000001"),
        signed(told("5")) + "&vpc_Amount=100",
        signed(told("5")) + "&vpc_Added=1",
        signed(told("5"), "00"),
        urlencode(told("5")) + "&vpc_SecureHash=" + quote("ộ" * 64),
        urlencode(told("5") | {"vpc_SecureHash": hmac.digest(SECRET.encode(), b"vpc_", "sha256").hex()}),
        "&".join(f"vpc_{number}=1" for number in range(101)),
    ],
    ids=["empty", "none", "blank", "cut", "changed", "twice", "added", "another key", "hostile", "key as text", "many"],
)
def test_what_onepay_did_not_sign_is_not_believed(query: str) -> None:
    with pytest.raises(Rejected) as rejected:
        read(query)
    assert rejected.value.effect in (Effect.BAD_SIGNATURE, Effect.MALFORMED)


@pytest.mark.parametrize(
    ("swallowed", "into"),
    [
        ("vpc_TransactionNo", "vpc_OrderInfo"),
        ("vpc_Locale", "vpc_CurrencyCode"),
        ("vpc_Version", "vpc_TxnResponseCode"),
    ],
)
def test_a_field_that_hides_in_its_neighbour_is_not_believed(swallowed: str, into: str) -> None:
    fields = told("5")
    secure_hash = hashed(fields)
    hidden = fields | {into: f"{fields[into]}&{swallowed}={fields[swallowed]}"}
    del hidden[swallowed]
    assert hashed(hidden) == secure_hash
    with pytest.raises(Rejected, match="bad_signature"):
        read(urlencode(hidden | {"vpc_SecureHash": secure_hash}))


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_words(query: bytes) -> None:
    with pytest.raises(Rejected) as rejected:
        onepay.read_callback(CONTRACT, query, NO_FLAWS)
    assert onepay.acknowledge(rejected.value.effect, "") == REFUSED


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("0", Outcome.PAID),
        *((code, Outcome.FAILED) for code in FAILURES),
        *((code, Outcome.UNKNOWN) for code in ["100", "300", "88", "00", " 0", "-1", "Z"]),
    ],
)
def test_only_the_one_code_is_money(code: str, outcome: Outcome) -> None:
    # onepay-clients#codes
    assert read(signed(told("5", vpc_TxnResponseCode=code))).outcome is outcome


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_callback_settles_by_either_method_and_a_repetition_is_confirmed(tmp_path: Path, method: str) -> None:
    async with running(tmp_path) as portal:
        order_ref = (await portal.open("onepay_domestic"))["order_ref"]
        for _ in range(2):
            assert await send(portal, signed(told(order_ref)), method) == CONFIRMED
        status = await portal.status()
    assert (status["status"], status["receipts"], status["refund_due_vnd"]) == ("paid", 1, 0)


@pytest.mark.parametrize("code", ["99", "300"])
async def test_a_failure_or_doubt_is_confirmed_and_money_may_follow(tmp_path: Path, code: str) -> None:
    async with running(tmp_path) as portal:
        order_ref = (await portal.open("onepay_domestic"))["order_ref"]
        assert await send(portal, signed(told(order_ref, vpc_TxnResponseCode=code))) == CONFIRMED
        assert (await portal.status())["status"] == {"99": "failed", "300": "pending"}[code]
        assert await send(portal, signed(told(order_ref))) == CONFIRMED
        assert (await portal.status())["status"] == "paid"


@pytest.mark.parametrize(
    "changes",
    [
        {"vpc_Amount": str(FEE_VND * 100 - 100)},
        {"vpc_Amount": str(FEE_VND * 100 + 1)},
        {"vpc_Amount": str(FEE_VND)},
        {"vpc_Amount": f"{FEE_VND * 100}.0"},
        {"vpc_Amount": f"-{FEE_VND * 100}"},
        {"vpc_Amount": ""},
        {"vpc_Merchant": "ONEPAY2"},
        {"vpc_CurrencyCode": "USD"},
        {"vpc_MerchTxnRef": "5"},
        {"vpc_MerchTxnRef": ""},
        {"vpc_TxnResponseCode": ""},
    ],
)
async def test_a_true_signature_is_not_enough(tmp_path: Path, changes: dict[str, str]) -> None:
    async with running(tmp_path) as portal:
        order_ref = (await portal.open("onepay_domestic"))["order_ref"]
        assert await send(portal, signed(told(order_ref, **changes))) == REFUSED
        status = await portal.status()
    assert (status["status"], status["amount_paid_vnd"]) == ("pending", 0)


@pytest.mark.parametrize("effect", list(Effect))
def test_only_what_is_kept_is_confirmed(effect: Effect) -> None:
    kept = (Effect.SETTLED, Effect.REFUND_DUE, Effect.FAILED, Effect.NOTED, Effect.REPEATED)
    assert onepay.acknowledge(effect, "") == (CONFIRMED if effect in kept else REFUSED)


async def test_a_portal_that_fails_says_so_in_the_gateways_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: object) -> None:
        raise RuntimeError("a fault of the portal's own")

    async with running(tmp_path) as portal:
        order_ref = (await portal.open("onepay_domestic"))["order_ref"]
        monkeypatch.setattr(onepay, "read_callback", broken)
        assert await send(portal, signed(told(order_ref))) == REFUSED


# --- the return ---------------------------------------------------------------------------------------------------


async def test_a_return_settles_nothing_and_shows_only_what_onepay_signed(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        order_ref = (await portal.open("onepay_domestic"))["order_ref"]
        genuine = await portal.http.get(f"/return/onepay_domestic?{signed(told(order_ref))}")
        made_up = await portal.http.get(f"/return/onepay_domestic?{signed(told(order_ref), '00')}")
        assert ("HS-1" in genuine.text, "HS-1" in made_up.text) == (True, False)
        assert (await portal.status())["status"] == "pending"


# --- queryDR ------------------------------------------------------------------------------------------------------


def dr(order_ref: str, exists: str = "Y", secret: str = SECRET, **changes: str) -> bytes:
    fields = told(order_ref, vpc_DRExists=exists, vpc_Command="queryDR", **changes)
    return f"vpc_Message=&{signed(fields, secret)}".encode()


@asynccontextmanager
async def asking(folder: Path, answer: Any) -> AsyncIterator[tuple[Running, list[dict[str, str]]]]:
    """A portal with an order, whose bank answers queryDR with `answer(order's number)`."""
    asked: list[dict[str, str]] = []

    def serve(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("POST", "/onepay_domestic/msp/api/v1/vpc/invoices/queries")
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        asked.append(dict(parse_qsl(request.content.decode())))
        found = answer(asked[-1]["vpc_MerchTxnRef"])
        return streamed(found) if isinstance(found, bytes) else streamed(b"", found)

    async with running(folder) as portal:
        await portal.portal.line.close()
        portal.portal.line = BankLine(5.0, httpx.MockTransport(serve))
        await portal.open("onepay_domestic")
        yield portal, asked


async def test_a_lost_callback_is_found_by_asking(tmp_path: Path) -> None:
    async with asking(tmp_path, dr) as (portal, asked):
        assert (await portal.run_jobs())["told"] == 1
        status = await portal.status()
    assert (status["status"], status["receipts"]) == ("paid", 1)
    given = asked[0].pop("vpc_SecureHash")
    assert given == hashed(asked[0])
    assert asked[0] == {
        "vpc_Command": "queryDR",
        "vpc_Version": "2",
        "vpc_MerchTxnRef": status["attempts"][-1]["order_ref"],
        "vpc_Merchant": "ONEPAY",
        "vpc_AccessCode": "D67342C2",
        "vpc_User": "op01",
        "vpc_Password": "op123456",
    }


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (lambda ref: dr(ref, vpc_TxnResponseCode="21"), "failed"),
        (lambda ref: dr(ref, vpc_TxnResponseCode="100"), "pending"),
        (lambda ref: dr(ref, vpc_TxnResponseCode="300"), "pending"),
        (lambda ref: dr(ref, "N"), "pending"),
        (lambda ref: dr(ref, ""), "pending"),
        (lambda ref: dr(ref, secret="00"), "pending"),
        (lambda ref: dr("another"), "pending"),
        (lambda ref: dr(ref, vpc_Merchant="ONEPAY2"), "pending"),
        (lambda ref: dr(ref, vpc_CurrencyCode="USD"), "pending"),
        (lambda ref: dr(ref, vpc_Amount="100"), "pending"),
        (lambda ref: dr(ref, vpc_Amount=""), "pending"),
        (lambda ref: urlencode(told(ref, vpc_DRExists="Y")).encode(), "pending"),
        (lambda ref: b"", "pending"),
        (lambda ref: b"\xff\x00<html>", "pending"),
        (lambda ref: 500, "pending"),
    ],
)
async def test_an_answer_is_believed_no_sooner_than_a_callback(tmp_path: Path, answer: Any, state: str) -> None:
    async with asking(tmp_path, answer) as (portal, asked):
        await portal.run_jobs()
        status = await portal.status()
    assert len(asked) == 1
    assert (status["status"], status["amount_paid_vnd"]) == (state, 0)


async def test_an_order_that_onepay_never_saw_is_given_up_once_it_has_expired(tmp_path: Path) -> None:
    async with asking(tmp_path, lambda ref: dr(ref, "N")) as (portal, _):
        await portal.run_jobs()
        assert (await portal.status())["status"] == "pending"
        portal.later(hours=1)
        await portal.run_jobs()
        assert (await portal.status())["status"] == "failed"
