"""The portal at Vietcombank for Quảng Ninh: what it signs, whom it believes, and what it answers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Effect, Outcome, Rejected
from conformance.targets.portal.protocols import vietcombank_qn
from conformance.targets.portal.protocols.vietcombank_qn import VietcombankQnContract
from tests.portals import FEE_VND, VNPAY_SECRET, Json, Running, running, streamed
from tests.samples.vietcombank_qn import signed

BANK = "vietcombank_qn"
CONTRACT = VietcombankQnContract()
NO_FLAWS: frozenset[Flaw] = frozenset()
ORDER = (
    "providerId orderId amount currency description requestDateTime expireDateTime channel language clientIp returnUrl"
)

# vcb-qn-design#signatures: made by openssl with the secret demo-secret.
KNOWN: Json = {
    "context": {
        "channelId": "6014",
        "channelRefNumber": "1234567890-SUCCESS",
        "requestDateTime": "22-11-2026 12:05:00",
    },
    "payload": {
        "providerId": "VCBQN",
        "orderId": "HS0001",
        "transactionNo": "1234567890",
        "amount": "20000",
        "currency": "VND",
        "channel": "IB",
        "bankCode": "VIETCOMBANK",
        "transactionTime": "22-11-2026 12:05:00",
        "status": "SUCCESS",
        "resultCode": "0",
        "description": "Lệ phí hồ sơ HS0001",
    },
    "signature": "374710c3b0e022e4d1a44963745bcbaa7c3b12605cc8cd4b0e8fa37e372fa935",
}
KNOWN_ACKNOWLEDGEMENT = "f748ae876322af144de431b31fca13bf67dd43b8560007fd96598ec4f3571286"


def payload(order_ref: str, amount_vnd: int = FEE_VND, **changes: Any) -> Json:
    told = KNOWN["payload"] | {"orderId": order_ref, "amount": str(amount_vnd)} | changes
    return {name: value for name, value in told.items() if value != "absent"}


def enveloped(told: Json, secret: str = "demo-secret", **more: str) -> Json:
    """Signed as the bank signs a callback: what is absent counts as empty."""
    values = [str(told.get(name, "")) for name in KNOWN["payload"]]
    context = KNOWN["context"] | more
    return {
        "context": context,
        "payload": told,
        "signature": signed("PAYMENT", *context.values(), *values, secret=secret),
    }


def callback(order_ref: str, amount_vnd: int = FEE_VND, **changes: Any) -> Json:
    return enveloped(payload(order_ref, amount_vnd, **changes))


def answered(kind: str, asked: Json, told: Json, code: str = "0", **changes: str) -> Json:
    """The bank's answer to the portal's question."""
    context = {
        "channelId": asked["context"]["channelId"],
        "channelRefNumber": asked["context"]["channelRefNumber"],
        "responseMsgId": "M1",
        "status": "SUCCESS" if code == "0" else "FAILURE",
        "errorCode": code,
    } | changes
    signature = signed(f"{kind}_ANSWER", *context.values(), *told.values())
    return {"context": context | {"errorMessage": "x"}, "payload": told, "signature": signature}


def queried(**changes: Any) -> Callable[[Json], Json]:
    def answer(asked: Json) -> Json:
        told = payload(asked["payload"]["orderId"]) | {"refundedAmount": "0"} | changes
        return answered("QUERY", asked, told)

    return answer


def refunded(**changes: str) -> Callable[[Json], Json]:
    def answer(asked: Json) -> Json:
        given = asked["payload"]
        told = {name: given[name] for name in ("providerId", "orderId", "refundId")}
        told |= {"refundNo": "99", "amount": given["amount"], "refundedAmount": given["amount"]} | changes
        return answered("REFUND", asked, told)

    return answer


def refused(kind: str, code: str) -> Callable[[Json], Json]:
    return lambda asked: answered(kind, asked, {}, code)


async def told(portal: Running, message: Json) -> str:
    """The code of a well-signed answer, "unsigned CODE" of one without a signature."""
    said = await portal.post(BANK, message)
    context = dict(said["context"])
    context.pop("errorMessage")
    if not said["signature"]:
        return f"unsigned {context['errorCode']}"
    assert said["signature"] == signed("PAYMENT_ANSWER", *context.values())
    assert context["channelRefNumber"] == message["context"]["channelRefNumber"]
    assert (context["status"] == "SUCCESS") is (context["errorCode"] == "0")
    return str(context["errorCode"])


def test_a_known_callback_is_believed_and_read() -> None:
    message = vietcombank_qn.read_callback(CONTRACT, json.dumps(KNOWN).encode(), NO_FLAWS)
    word = vietcombank_qn.word(CONTRACT, message.payload, NO_FLAWS)
    assert (word.order_ref, word.amount_vnd, word.outcome, word.bank_ref) == (
        "HS0001",
        20_000,
        Outcome.PAID,
        "1234567890",
    )


def test_an_acknowledgement_is_signed_as_openssl_signs_it() -> None:
    said = vietcombank_qn.acknowledge(CONTRACT, KNOWN["context"], Effect.SETTLED, "000000000000000001", "")
    assert said["signature"] == KNOWN_ACKNOWLEDGEMENT


async def test_an_order_says_what_the_design_wants_in_its_order(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.declare("H49.12.6-261122-0001", 1_200_000)
        opened = await portal.open(BANK, "H49.12.6-261122-0001", "internet_banking")
    url = urlsplit(opened["url"])
    fields = dict(parse_qsl(url.query, keep_blank_values=True))
    signature = fields.pop("signature")
    assert url.path == "/vietcombank_qn/ecommerce/pay"
    assert " ".join(fields) == ORDER
    assert signature == signed("PAY", *fields.values())
    assert fields == {
        "providerId": "VCBQN",
        "orderId": opened["order_ref"],
        "amount": "1200000",
        "currency": "VND",
        "description": "Lệ phí hồ sơ H49.12.6-261122-0001",
        "requestDateTime": "22-11-2026 12:00:00",
        "expireDateTime": "22-11-2026 12:15:00",
        "channel": "IB",
        "language": "vi",
        "clientIp": "127.0.0.1",
        "returnUrl": "http://portal.test/return/vietcombank_qn",
    }
    assert opened["kind"] == "redirect"


@pytest.mark.parametrize(
    ("method", "channel"),
    [("redirect", ""), ("internet_banking", "IB"), ("qr", "QR"), ("card", "CARD"), ("pos", "POS")],
)
async def test_each_way_to_pay_has_the_banks_name_for_it(tmp_path: Path, method: str, channel: str) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open(BANK, method=method)
        page = await portal.http.get("/dossiers/HS-1")
    assert dict(parse_qsl(urlsplit(opened["url"]).query, keep_blank_values=True))["channel"] == channel
    assert "/ecommerce/pay" in page.text, "a page of the bank is gone on with there, whatever the way"


async def test_a_paid_order_settles_and_its_repetition_is_known(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open(BANK)
        message = callback(opened["order_ref"])
        assert [await told(portal, message), await told(portal, message)] == ["0", "1"]
        status = await portal.status()
    assert (status["status"], status["amount_paid_vnd"], status["receipts"]) == ("paid", FEE_VND, 1)


async def test_a_failure_is_acknowledged_and_a_success_may_follow(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open(BANK)
        failure = callback(opened["order_ref"], status="FAILURE", resultCode="106")
        assert await told(portal, failure) == "0"
        assert (await portal.status())["status"] == "failed"
        assert await told(portal, callback(opened["order_ref"])) == "0"
        assert await told(portal, failure) == "1"
        assert (await portal.status())["status"] == "paid"


OPEN = Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("status", "result", "outcome"),
    [
        ("SUCCESS", "0", Outcome.PAID),
        *(
            (status, result, Outcome.FAILED)
            for status in ("FAILURE", "CANCELLED", "EXPIRED")
            for result in ("100", "101", "104", "105", "106", "114", "123", "128")
        ),
        ("SUCCESS", "101", OPEN),
        ("FAILURE", "0", OPEN),
        ("FAILURE", "88", OPEN),
        ("PENDING", "100", OPEN),
        ("PENDING", "0", OPEN),
        ("SUSPECTED", "101", OPEN),
        ("REVERSED", "101", OPEN),
        ("88", "88", OPEN),
        ("success", "0", OPEN),
    ],
)
def test_success_needs_both_words_and_failure_a_known_one(status: str, result: str, outcome: Outcome) -> None:
    told_payload = payload("HS0001", status=status, resultCode=result)
    assert vietcombank_qn.word(CONTRACT, told_payload, NO_FLAWS).outcome is outcome


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": str(FEE_VND - 1)}, "3"),
        ({"amount": str(FEE_VND * 100)}, "3"),
        ({"amount": f"-{FEE_VND}"}, "3"),
        ({"amount": f"{FEE_VND}.0"}, "3"),
        ({"amount": f"0{FEE_VND}"}, "3"),
        ({"amount": "năm mươi nghìn"}, "3"),
        ({"amount": "9" * 5000}, "3"),
        ({"providerId": "VCBQN2"}, "21"),
        ({"currency": "LAK"}, "21"),
        ({"orderId": "HS9999"}, "17"),
        ({"amount": ""}, "unsigned 10"),
        ({"status": "absent"}, "unsigned 10"),
        ({"orderId": "absent"}, "unsigned 10"),
        ({"description": "a|b"}, "unsigned 18"),
        ({"bankCode": "VIETCOMBANK|22-11-2026 12:05:00", "transactionTime": ""}, "unsigned 18"),
    ],
)
async def test_a_true_signature_is_not_enough(tmp_path: Path, changes: Json, code: str) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open(BANK)
        assert await told(portal, callback(opened["order_ref"], **changes)) == code
        status = await portal.status()
    assert (status["status"], status["amount_paid_vnd"], status["receipts"]) == ("pending", 0, 0)


async def test_what_the_bank_may_leave_out_may_be_missing(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open(BANK)
        message = callback(opened["order_ref"], channel="absent", bankCode="absent", transactionTime="absent")
        assert await told(portal, message) == "0"


def test_a_signature_may_be_in_capitals() -> None:
    shouted = KNOWN | {"signature": KNOWN["signature"].upper()}
    assert vietcombank_qn.read_callback(CONTRACT, json.dumps(shouted).encode(), NO_FLAWS).payload == KNOWN["payload"]


@pytest.mark.parametrize("signature", ["", None, "0" * 64, "null", 7, KNOWN["signature"][:-1], KNOWN["signature"][1:]])
async def test_a_false_signature_is_18_and_tells_nothing(tmp_path: Path, signature: Any) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open(BANK)
        true = callback(opened["order_ref"])
        said = await portal.post(BANK, true | {"signature": signature})
        assert said["context"]["errorCode"] == "18"
        assert said["signature"] == said["context"]["channelRefNumber"] == ""
        assert true["signature"] not in json.dumps(said)
        assert (await portal.status())["status"] == "pending"
        assert await told(portal, true) == "0"


@pytest.mark.parametrize("kind", ["RETURN", "QUERY_ANSWER", "PAYMENT_ANSWER", ""])
def test_a_signature_of_another_kind_of_message_is_no_callbacks(kind: str) -> None:
    signature = signed(kind, *KNOWN["context"].values(), *KNOWN["payload"].values())
    with pytest.raises(Rejected, match="bad_signature"):
        vietcombank_qn.read_callback(CONTRACT, json.dumps(KNOWN | {"signature": signature}).encode(), NO_FLAWS)


def test_another_secret_is_not_believed() -> None:
    false = enveloped(KNOWN["payload"], secret=VNPAY_SECRET)
    with pytest.raises(Rejected, match="bad_signature"):
        vietcombank_qn.read_callback(CONTRACT, json.dumps(false).encode(), NO_FLAWS)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"[" * 5_000, b"\xff\xfe\x00", b"{}", b'{"context": {}}', b'{"context": 1, "payload": []}']
)
async def test_what_cannot_be_read_is_10(tmp_path: Path, body: bytes) -> None:
    async with running(tmp_path) as portal:
        said = await portal.post_raw(BANK, body)
    assert (said["context"]["errorCode"], said["signature"]) == ("10", "")


VALUES = st.integers() | st.text() | st.none() | st.floats() | st.lists(st.integers(), max_size=2)


@given(
    st.dictionaries(st.sampled_from(list(KNOWN["context"])), VALUES),
    st.dictionaries(st.sampled_from(list(KNOWN["payload"])), VALUES),
    VALUES,
)
def test_no_message_without_the_secret_is_believed(context: Json, told_payload: Json, signature: Any) -> None:
    message = {"context": context, "payload": told_payload, "signature": signature}
    with pytest.raises(Rejected):
        vietcombank_qn.read_callback(CONTRACT, json.dumps(message).encode(), NO_FLAWS)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(hostile: bytes) -> None:
    with pytest.raises(Rejected):
        vietcombank_qn.read_callback(CONTRACT, hostile, NO_FLAWS)
    with pytest.raises(Rejected):
        vietcombank_qn.read_return(CONTRACT, hostile, NO_FLAWS)


async def test_a_lost_callback_is_found_by_a_signed_question(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open(BANK)
        portal.bank.more = {"query": queried()}
        await portal.run_jobs()
        status = await portal.status()
    (asked,) = portal.bank.asked
    assert asked["payload"] == {"providerId": "VCBQN", "orderId": opened["order_ref"]}
    assert asked["context"]["requestDateTime"] == "22-11-2026 12:00:00"
    assert asked["signature"] == signed("QUERY", *asked["context"].values(), *asked["payload"].values())
    assert (status["status"], status["receipts"]) == ("paid", 1)


@pytest.mark.parametrize(
    "answer",
    [
        queried(amount=str(FEE_VND - 1)),
        queried(providerId="VCBQN2"),
        queried(orderId="HS9999"),
        queried(currency="LAK"),
        queried(description="a|b"),
        queried(status="PENDING", resultCode="100"),
        queried(refundedAmount=str(FEE_VND)),
        lambda asked: queried()(asked) | {"signature": "0" * 64},
        lambda asked: queried()(asked) | {"signature": ""},
        lambda asked: answered("QUERY", asked, payload(asked["payload"]["orderId"]), channelRefNumber="another"),
        lambda asked: answered("REFUND", asked, payload(asked["payload"]["orderId"])),
        *(refused("QUERY", code) for code in ("10", "18", "21", "121", "123", "400", "88")),
        lambda asked: {},
        lambda asked: streamed(b"<html>"),
        lambda asked: streamed(b"{}", 500),
        lambda asked: httpx.ReadTimeout("slow"),
    ],
)
async def test_an_answer_without_sound_news_leaves_the_order_open(tmp_path: Path, answer: Any) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open(BANK)
        portal.bank.more = {"query": answer}
        await portal.run_jobs()
        assert (await portal.status())["status"] == "pending"
        assert await told(portal, callback(opened["order_ref"])) == "0"
        assert (await portal.status())["status"] == "paid"


async def test_an_order_that_the_bank_never_saw_is_given_up_when_it_has_expired(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.open(BANK)
        portal.bank.more = {"query": refused("QUERY", "17")}
        await portal.run_jobs()
        assert (await portal.status())["status"] == "pending"
        portal.later(hours=1)
        await portal.run_jobs()
        assert (await portal.status())["status"] == "failed"


async def test_a_failure_found_by_asking_is_kept(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.open(BANK)
        portal.bank.more = {"query": queried(status="EXPIRED", resultCode="100")}
        await portal.run_jobs()
        assert (await portal.status())["status"] == "failed"


async def test_money_goes_back_in_parts_by_signed_requests(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open(BANK)
        await told(portal, callback(opened["order_ref"]))
        portal.bank.more = {"refund": refunded()}
        done = [await portal.http.post("/api/dossiers/HS-1/refund", json={"amount_vnd": 20_000}) for _ in range(2)]
        status = await portal.status()
    first, second = portal.bank.asked
    assert [each.status_code for each in done] == [200, 200]
    assert first["payload"]["refundId"] != second["payload"]["refundId"]
    assert first["payload"]["amount"] == "20000"
    assert first["signature"] == signed("REFUND", *first["context"].values(), *first["payload"].values())
    assert status["status"] == "partly_refunded"


@pytest.mark.parametrize(
    ("answer", "status_code"),
    [
        (refused("REFUND", "3"), 409),
        (refused("REFUND", "101"), 409),
        *((refused("REFUND", code), 202) for code in ("100", "121", "123", "400")),
        (refunded(amount="1"), 202),
        (refunded(refundId="another"), 202),
        (refunded(orderId="another"), 202),
        (lambda asked: refunded()(asked) | {"signature": "0" * 64}, 202),
    ],
)
async def test_only_a_certain_no_sets_the_money_free_again(tmp_path: Path, answer: Any, status_code: int) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open(BANK)
        await told(portal, callback(opened["order_ref"]))
        portal.bank.more = {"refund": answer}
        assert (await portal.http.post("/api/dossiers/HS-1/refund", json={})).status_code == status_code
        assert (await portal.status())["status"] == "paid"


def returned(told_payload: Json) -> str:
    return urlencode(told_payload | {"signature": signed("RETURN", *map(str, told_payload.values()))})


async def test_a_signed_return_names_its_order_and_settles_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open(BANK)
        query = returned(payload(opened["order_ref"]))
        page = await portal.http.get(f"/return/vietcombank_qn?{query}")
        tagged = await portal.http.get(f"/return/vietcombank_qn?utm_source=zalo&{query}")
        status = await portal.status()
    assert 'data-status="pending"' in page.text
    assert 'data-status="pending"' in tagged.text
    assert status["status"] == "pending"


@pytest.mark.parametrize("change", ["", "x", "&orderId=HS9999", "&signature="])
def test_a_return_that_was_changed_is_not_believed(change: str) -> None:
    query = f"{returned(KNOWN['payload'])}{change}" if change else returned(KNOWN["payload"]).replace("20000", "1")
    with pytest.raises(Rejected, match="bad_signature"):
        vietcombank_qn.read_return(CONTRACT, query.encode(), NO_FLAWS)
