"""The portal at SePay: which transfers it believes, which order it finds in their text, and what it answers."""

import hashlib
import hmac
import json
import re
from contextlib import nullcontext
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Effect, Outcome, Rejected
from conformance.targets.portal.protocols import sepay
from conformance.targets.portal.protocols.sepay import SepayContract
from conformance.targets.portal.protocols.vietqr import transfer_code
from tests.portals import FEE_VND, NOON, Running, running

NO_FLAWS: frozenset[Flaw] = frozenset()
ANY_AGE = SepayContract(max_drift_s="0")
ORDER = "HS2611223456789ABCDE"
(KNOWN,) = json.loads(files("fixtures").joinpath("wire", "sepay", "signatures.json").read_text("utf-8"))


def proof(body: bytes, timestamp: int, secret: str = "whsec_test_abc") -> dict[str, str]:
    signed = f"{timestamp}.".encode() + body
    signature = "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return {"x-sepay-signature": signature, "x-sepay-timestamp": str(timestamp)}


def told(content: str, amount_vnd: Any = FEE_VND, **changes: Any) -> bytes:
    fields = {
        "id": 92704,
        "gateway": "Vietcombank",
        "transactionDate": "2026-11-22 12:02:37",
        "accountNumber": "0123499990",
        "code": None,
        "content": content,
        "transferType": "in",
        "transferAmount": amount_vnd,
        "accumulated": 19_077_000,
        "subAccount": None,
        "referenceCode": "MBVCB.3278907687",
        "description": "",
    }
    return json.dumps(fields | changes, ensure_ascii=False).encode()


def read(body: bytes, contract: SepayContract = ANY_AGE) -> Any:
    return sepay.read_webhook(contract, proof(body, int(NOON.timestamp())), body, NOON, NO_FLAWS)


async def send(portal: Running, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    given = proof(body, int(NOON.timestamp())) if headers is None else headers
    return await portal.http.post("/callbacks/sepay", content=body, headers=given)


def test_the_known_webhook_is_believed() -> None:
    # sepay-webhooks#hmac (S1): its order is of another form than the portal's own, so nothing more is read of it.
    headers = {"x-sepay-signature": KNOWN["header"], "x-sepay-timestamp": str(KNOWN["timestamp"])}
    contract = SepayContract(account="0123499999", max_drift_s="0")
    with pytest.raises(Rejected) as rejected:
        sepay.read_webhook(contract, headers, KNOWN["body"].encode(), NOON, NO_FLAWS)
    assert rejected.value.effect is Effect.UNKNOWN_ORDER


@pytest.mark.parametrize(
    "content",
    [
        ORDER,
        f"{ORDER} nop le phi",
        f"MBVCB.6960980.{ORDER}.CT tu 0011000994178 BTT toi 0011004110847",
        ORDER.lower(),
    ],
)
def test_the_order_is_found_in_whatever_the_banks_wrote_around_it(content: str) -> None:
    word = read(told(content))
    assert (word.order_ref, word.amount_vnd, word.outcome) == (ORDER, FEE_VND, Outcome.PAID)


@pytest.mark.parametrize(
    "content", ["", "nop le phi", f"{ORDER}9", f"X{ORDER}", ORDER[:-1], "HS1", f"{ORDER[:10]} {ORDER[10:]}"]
)
def test_a_text_with_no_whole_order_is_nobodys(content: str) -> None:
    with pytest.raises(Rejected) as rejected:
        read(told(content))
    assert rejected.value.effect is Effect.UNKNOWN_ORDER


def test_money_that_goes_out_is_no_income() -> None:
    assert read(told(ORDER, transferType="out")).outcome is Outcome.UNKNOWN
    assert read(told(ORDER, transferType="IN")).outcome is Outcome.UNKNOWN


def test_a_transfer_to_another_account_is_not_ours() -> None:
    with pytest.raises(Rejected) as rejected:
        read(told(ORDER, accountNumber="0123499991"))
    assert rejected.value.effect is Effect.FOREIGN


@pytest.mark.parametrize(("seconds", "believed"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)])
def test_a_message_is_believed_for_five_minutes(seconds: int, believed: bool) -> None:
    body = told(ORDER)
    headers = proof(body, int(NOON.timestamp()) + seconds)
    with nullcontext() if believed else pytest.raises(Rejected, match="too far off"):
        sepay.read_webhook(SepayContract(), headers, body, NOON, NO_FLAWS)


@pytest.mark.parametrize("change", ["body", "timestamp", "secret", "no header", "bare"])
def test_nothing_else_is_believed(change: str) -> None:
    body = told(ORDER)
    headers = proof(body, 1_700_000_000, "another" if change == "secret" else "whsec_test_abc")
    if change == "body":
        body = body.replace(b"50000", b"50001")
    elif change == "timestamp":
        headers["x-sepay-timestamp"] = "1700000001"
    elif change == "no header":
        headers = {}
    elif change == "bare":
        # sepay-clients#sdk: what a published client checks is not what is documented.
        bare = hmac.new(b"whsec_test_abc", body, hashlib.sha256).hexdigest()
        headers["x-sepay-signature"] = bare
    with pytest.raises(Rejected) as rejected:
        sepay.read_webhook(ANY_AGE, headers, body, NOON, NO_FLAWS)
    assert rejected.value.effect is Effect.BAD_SIGNATURE


async def test_a_payer_scans_transfers_and_has_paid(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("sepay", method="qr")
        assert re.fullmatch(r"HS261122[2-9A-Z]{12}", opened["order_ref"])
        assert opened["payload"] == transfer_code("970436", "0123499990", FEE_VND, opened["order_ref"])
        answer = await send(portal, told(opened["order_ref"]))
        assert (answer.status_code, answer.json()) == (200, {"success": True})
        again = await send(portal, told(opened["order_ref"]))
        assert (again.status_code, again.json()) == (200, {"success": True})
        status = await portal.status()
        assert (status["status"], status["amount_paid_vnd"], status["receipts"]) == ("paid", FEE_VND, 1)
        assert status["refund_due_vnd"] == 0


async def test_a_second_transfer_is_to_be_given_back(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        order_ref = (await portal.open("sepay", method="qr"))["order_ref"]
        await send(portal, told(order_ref))
        await send(portal, told(order_ref, id=92705))
        assert (await portal.status())["refund_due_vnd"] == FEE_VND


@pytest.mark.parametrize("amount_vnd", [1, FEE_VND - 1, FEE_VND + 1, 10 * FEE_VND])
async def test_another_sum_is_kept_for_its_payer_and_settles_nothing(tmp_path: Path, amount_vnd: int) -> None:
    async with running(tmp_path) as portal:
        order_ref = (await portal.open("sepay", method="qr"))["order_ref"]
        for _ in range(2):
            assert (await send(portal, told(order_ref, amount_vnd))).json() == {"success": True}
        status = await portal.status()
        assert (status["status"], status["refund_due_vnd"], status["receipts"]) == ("pending", amount_vnd, 0)
        await send(portal, told(order_ref, id=92706))
        status = await portal.status()
        assert (status["status"], status["amount_paid_vnd"]) == ("paid", FEE_VND)
        assert status["refund_due_vnd"] == amount_vnd


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"[]", 400), (told("nobody"), 404), (told(ORDER), 404), (told(ORDER, transferAmount=None), 400)],
)
async def test_what_cannot_be_booked_is_refused_with_a_status(tmp_path: Path, body: bytes, status: int) -> None:
    async with running(tmp_path) as portal:
        answer = await send(portal, body)
    assert (answer.status_code, answer.json()["success"]) == (status, False)


async def test_a_stranger_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        order_ref = (await portal.open("sepay", method="qr"))["order_ref"]
        answer = await send(portal, told(order_ref), {})
        assert (answer.status_code, answer.json()["success"]) == (401, False)
        assert (await portal.status())["status"] == "pending"


@given(st.binary(max_size=300))
def test_hostile_bytes_are_rejected_in_the_protocols_words(body: bytes) -> None:
    try:
        read(body)
    except Rejected as rejected:
        status, content = sepay.acknowledge(rejected.effect, "")
        assert status >= 400
        assert content["success"] is False


def test_a_code_for_a_transfer_reads_as_the_published_one() -> None:
    # napas-qr-1.5.2#samples (E1): VietinBank, 20,000, the dossier as purpose.
    known = (
        "00020101021238560010A0000007270126000697041501121190001234560208QRIBFTTA53037045405200005802VN"
        "62240820H17.12.6-240101-000163041366"
    )
    assert transfer_code("970415", "119000123456", 20_000, "H17.12.6-240101-0001") == known


def test_above_the_limit_of_instant_transfers_the_payer_types_the_amount() -> None:
    assert "5409" in transfer_code("970436", "1", 499_999_999, "HS")
    assert "5409" not in transfer_code("970436", "1", 500_000_000, "HS")
    assert transfer_code("970436", "1", 500_000_000, "HS").startswith("000201010211")


# --- refunds -----------------------------------------------------------------------------------------------------


def test_a_refund_names_the_transaction_and_bears_its_key() -> None:
    path, message, headers = sepay.refund_request(SepayContract(), "92704", "k1", 5_000)
    assert (path, message) == ("/sepay/v2/transactions/92704/refund", {"refund_amount": 5_000})
    assert headers == {"authorization": "Bearer SP-TEST.sepay-test-api-token", "x-idempotency-key": "k1"}


@pytest.mark.parametrize(
    ("answer", "made"),
    [
        ({"status": "success", "data": {"transaction_id": "1", "refund_amount": 5_000, "status": "Success"}}, True),
        ({"status": "success", "data": {"transaction_id": "1", "refund_amount": 5_000, "status": "Processing"}}, None),
        ({"status": "error", "code": "refund_failed"}, False),
        ({"status": "error", "code": "already_refunded"}, False),
        ({"status": "error", "code": "idempotency_key_reused"}, None),
        ({"status": "error", "code": "unauthorized"}, None),
        ({"status": "success"}, None),
    ],
)
def test_an_answer_says_whether_the_money_went_back(answer: dict[str, object], made: bool | None) -> None:
    assert sepay.read_refund("1", 5_000, answer) is made


@pytest.mark.parametrize("other", [{"transaction_id": "2"}, {"refund_amount": 4_999}])
def test_an_answer_about_another_refund_is_not_believed(other: dict[str, object]) -> None:
    told = {"transaction_id": "1", "refund_amount": 5_000, "status": "Success"} | other
    with pytest.raises(Rejected):
        sepay.read_refund("1", 5_000, {"status": "success", "data": told})
