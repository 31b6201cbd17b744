"""What the portal finds out by asking, and what it gives back."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from conformance.targets.portal import jobs
from tests.portals import (
    FEE_VND,
    QUERY_SIGNED,
    REFUND_SIGNED,
    Answerer,
    Json,
    Running,
    dvcqg_query_answer,
    paid_at_vnpay,
    running,
    sha256_joined,
    streamed,
    vnpay_answer,
)


def answers(portal: Running, bank: str, answerer: Answerer) -> None:
    if bank == "vnpay":
        portal.bank.api = answerer
    else:
        portal.bank.query = answerer


def queried(**changes: str) -> Answerer:
    return lambda asked: vnpay_answer(asked, QUERY_SIGNED, **changes)


def platform(state: str = "1", **changes: Any) -> Answerer:
    return lambda asked: dvcqg_query_answer(asked, state, **changes)


@pytest.mark.parametrize("bank", ["vnpay", "dvcqg"])
async def test_a_lost_callback_is_found_by_asking(tmp_path: Path, bank: str) -> None:
    async with running(tmp_path) as portal:
        await portal.open(bank)
        assert await portal.run_jobs() == {"settled": 0, "asked": 1, "told": 1}
        status = await portal.status()
        assert (status["status"], status["receipts"], status["notifications"]) == ("paid", 1, 1)
        assert await portal.run_jobs() == {"settled": 0, "asked": 0, "told": 0}


async def test_a_query_is_signed_as_the_document_wants_and_names_the_orders_time(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.open("vnpay")
        await portal.open("dvcqg")
        portal.later(hours=13)
        await portal.run_jobs()
    query = next(asked for asked in portal.bank.asked if asked.get("vnp_Command") == "querydr")
    signed = "RequestId Version Command TmnCode TxnRef TransactionDate CreateDate IpAddr OrderInfo"
    assert query["vnp_TransactionDate"] == "20261122120000"
    assert query["vnp_CreateDate"] == "20261123010000"
    assert set(query) == {f"vnp_{name}" for name in [*signed.split(), "SecureHash"]}
    asked = next(asked for asked in portal.bank.asked if asked.get("LoaiBanTin") == "QUERY")
    assert asked["ThoiGianGD"] == "20261122120000"
    assert asked["MaXacThuc"] == sha256_joined(asked, "LoaiBanTin PhienBan MaDoiTac MaThamChieu ThoiGianGD")


@pytest.mark.parametrize(
    ("bank", "pending", "paid"),
    [
        ("vnpay", queried(vnp_TransactionStatus="01"), paid_at_vnpay),
        ("vnpay", queried(vnp_ResponseCode="94", vnp_TransactionStatus="", vnp_Amount=""), paid_at_vnpay),
        ("vnpay", queried(vnp_TransactionStatus="07"), paid_at_vnpay),
        ("vnpay", queried(vnp_TransactionStatus="04"), paid_at_vnpay),
        ("dvcqg", platform("3"), platform("1")),
        ("dvcqg", platform("2"), platform("1")),
        ("dvcqg", platform("1", MaLoi="99"), platform("1")),
    ],
)
async def test_pending_is_followed_to_the_end(tmp_path: Path, bank: str, pending: Answerer, paid: Answerer) -> None:
    async with running(tmp_path) as portal:
        await portal.open(bank)
        answers(portal, bank, pending)
        for _ in range(3):
            await portal.run_jobs()
            assert (await portal.status())["status"] == "pending"
        answers(portal, bank, paid)
        await portal.run_jobs()
        assert (await portal.status())["status"] == "paid"
    numbers = [asked["vnp_RequestId"] for asked in portal.bank.asked if "vnp_RequestId" in asked]
    assert len(set(numbers)) == len(numbers)


def tampered(answer: Json, **changes: Any) -> Json:
    return answer | changes


@pytest.mark.parametrize(
    ("bank", "answerer"),
    [
        ("vnpay", lambda asked: tampered(paid_at_vnpay(asked), vnp_SecureHash="0" * 128)),
        ("vnpay", lambda asked: tampered(paid_at_vnpay(asked), vnp_SecureHash="")),
        ("vnpay", lambda asked: tampered(paid_at_vnpay(asked), vnp_TransactionStatus="0")),
        ("vnpay", queried(vnp_Amount=str(FEE_VND * 100 - 100))),
        ("vnpay", queried(vnp_Amount=str(FEE_VND))),
        ("vnpay", queried(vnp_TxnRef="another")),
        ("vnpay", queried(vnp_TmnCode="DEMOV211")),
        ("vnpay", queried(vnp_Command="refund")),
        ("vnpay", queried(vnp_ResponseCode="99")),
        ("vnpay", queried(vnp_TransactionType="02")),
        ("vnpay", lambda asked: streamed(b"<html>")),
        ("vnpay", lambda asked: streamed(b"[]")),
        ("vnpay", lambda asked: streamed(b"{}", 503)),
        ("vnpay", lambda asked: streamed(b"x" * 2_000_000)),
        ("vnpay", lambda asked: streamed(b"", 302, location="http://bank.test/other")),
        ("vnpay", lambda asked: httpx.ReadTimeout("slow")),
        ("vnpay", lambda asked: tampered(paid_at_vnpay(asked), vnp_Amount=["5000000"])),
        ("dvcqg", lambda asked: tampered(dvcqg_query_answer(asked), MaXacThuc="0" * 64)),
        ("dvcqg", lambda asked: tampered(dvcqg_query_answer(asked, "3"), TrangThaiGD="1")),
        ("dvcqg", platform(SoTien=FEE_VND - 1)),
        ("dvcqg", platform(MaThamChieu="another")),
        ("dvcqg", platform(MaDoiTac="DEMO2")),
        ("dvcqg", platform(MaTienTe="USD")),
        ("dvcqg", lambda asked: httpx.ConnectError("refused")),
    ],
)
async def test_an_answer_is_believed_no_sooner_than_a_callback(tmp_path: Path, bank: str, answerer: Answerer) -> None:
    async with running(tmp_path) as portal:
        await portal.open(bank)
        answers(portal, bank, answerer)
        await portal.run_jobs()
        status = await portal.status()
        assert (status["status"], status["amount_paid_vnd"]) == ("pending", 0)
        answers(portal, bank, paid_at_vnpay if bank == "vnpay" else platform())
        await portal.run_jobs()
        assert (await portal.status())["status"] == "paid"


@pytest.mark.parametrize(
    ("bank", "answerer"), [("vnpay", queried(vnp_TransactionStatus="02")), ("dvcqg", platform("4"))]
)
async def test_a_failure_is_found_by_asking_and_a_late_success_too(
    tmp_path: Path, bank: str, answerer: Answerer
) -> None:
    async with running(tmp_path) as portal:
        await portal.open(bank)
        answers(portal, bank, answerer)
        await portal.run_jobs()
        assert (await portal.status())["status"] == "failed"
        answers(portal, bank, paid_at_vnpay if bank == "vnpay" else platform())
        await portal.run_jobs()
        assert (await portal.status())["status"] == "paid"


async def test_an_order_that_the_bank_never_saw_fails_only_after_it_expired(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vnpay")
        portal.bank.api = queried(vnp_ResponseCode="91", vnp_TransactionStatus="", vnp_Amount="")
        await portal.run_jobs()
        assert (await portal.status())["status"] == "pending"
        portal.later(minutes=21)
        await portal.run_jobs()
        assert (await portal.status())["status"] == "failed"
        assert (await portal.run_jobs())["asked"] == 0
        assert (await portal.vnpay(opened["order_ref"]))["RspCode"] == "00"
        assert (await portal.status())["status"] == "paid"


async def test_the_poller_keeps_to_its_timetable(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.open("vnpay")
        portal.bank.api = queried(vnp_TransactionStatus="01")
        asked_after_minutes = []
        for minute in range(60):
            before = len(portal.bank.asked)
            await jobs._ask_due(portal.portal)
            if len(portal.bank.asked) > before:
                asked_after_minutes.append(minute)
            portal.later(minutes=1)
        portal.later(days=3)
        await jobs._ask_due(portal.portal)
    assert asked_after_minutes == [15, 20, 30, 50]
    assert len(portal.bank.asked) == 4


async def test_work_done_at_once_is_bounded_and_takes_the_newest(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        for _ in range(jobs._NEWEST + 5):
            newest = await portal.open("vnpay")
            portal.later(seconds=1)
        portal.bank.api = queried(vnp_TransactionStatus="01")
        assert (await portal.run_jobs())["asked"] == jobs._NEWEST
        assert newest["order_ref"] in {asked["vnp_TxnRef"] for asked in portal.bank.asked}
        await portal.open("vnpay", "HS-2")
        done = (await portal.http.post("/api/jobs/run", params={"dossier_code": "HS-2"})).json()
        assert done["asked"] == 1


async def test_callback_and_query_at_once_settle_once(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vnpay")
        await asyncio.gather(portal.run_jobs(), portal.vnpay(opened["order_ref"]), portal.run_jobs())
        status = await portal.status()
    assert (status["amount_paid_vnd"], status["refund_due_vnd"], status["receipts"]) == (FEE_VND, 0, 1)


async def paid(portal: Running) -> None:
    opened = await portal.open("vnpay")
    await portal.vnpay(opened["order_ref"])


async def refund(portal: Running, amount_vnd: int | None = None, key: str = "") -> httpx.Response:
    body = {"amount_vnd": amount_vnd, "key": key}
    return await portal.http.post("/api/dossiers/HS-1/refund", json=body)


async def test_all_is_given_back_in_one_go(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await paid(portal)
        assert (await refund(portal)).status_code == 200
        (asked,) = portal.bank.asked
        assert (asked["vnp_TransactionType"], asked["vnp_Amount"]) == ("02", str(FEE_VND * 100))
        status = await portal.status()
        assert (status["status"], status["refunded_vnd"]) == ("refunded", FEE_VND)
        assert (await refund(portal, 1)).status_code == 409


async def test_parts_are_given_back_up_to_what_was_paid(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await paid(portal)
        assert (await refund(portal, 30_000)).status_code == 200
        assert (await portal.status())["status"] == "partly_refunded"
        assert (await refund(portal, 20_001)).status_code == 409
        assert (await refund(portal)).json() == {"state": "done", "amount_vnd": 20_000}
        assert (await portal.status())["status"] == "refunded"
    assert {asked["vnp_TransactionType"] for asked in portal.bank.asked} == {"03"}
    assert len({asked["vnp_RequestId"] for asked in portal.bank.asked}) == 2


async def test_the_same_refund_twice_pays_once(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await paid(portal)
        first, second = await asyncio.gather(refund(portal, 10_000, "r1"), refund(portal, 10_000, "r1"))
        assert first.is_success
        assert second.is_success
        assert len(portal.bank.asked) == 1
        assert (await portal.status())["refunded_vnd"] == 10_000


async def test_refunds_at_once_do_not_exceed_the_payment(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await paid(portal)
        done = await asyncio.gather(*(refund(portal, 20_000) for _ in range(10)))
        assert sorted(response.status_code for response in done) == [200, 200] + [409] * 8
        assert (await portal.status())["refunded_vnd"] == 40_000


async def test_a_refused_refund_frees_its_money_and_an_unanswered_one_does_not(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await paid(portal)
        portal.bank.api = lambda asked: vnpay_answer(asked, REFUND_SIGNED, vnp_ResponseCode="95")
        assert (await refund(portal)).status_code == 409
        portal.bank.api = lambda asked: httpx.ReadTimeout("slow")
        assert (await refund(portal, 30_000)).status_code == 202
        portal.bank.api = paid_at_vnpay
        assert (await refund(portal, 30_000)).status_code == 409
        assert (await refund(portal, 20_000)).status_code == 200
        assert (await portal.status())["refunded_vnd"] == 20_000


@pytest.mark.parametrize(
    "changes",
    [
        {"vnp_ResponseCode": "94"},
        {"vnp_ResponseCode": "98"},
        {"vnp_ResponseCode": "99"},
        {"vnp_Amount": "100"},
        {"vnp_TxnRef": "another"},
        {"vnp_Command": "querydr"},
    ],
)
async def test_an_uncertain_answer_leaves_a_refund_open(tmp_path: Path, changes: dict[str, str]) -> None:
    async with running(tmp_path) as portal:
        await paid(portal)
        portal.bank.api = lambda asked: vnpay_answer(asked, REFUND_SIGNED, **changes)
        assert (await refund(portal)).status_code == 202
        status = await portal.status()
        assert (status["status"], status["refunded_vnd"]) == ("paid", 0)


async def test_money_that_is_due_back_goes_first(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        first, second = await portal.open("vnpay"), await portal.open("vnpay")
        await portal.vnpay(first["order_ref"])
        await portal.vnpay(second["order_ref"])
        assert (await refund(portal)).status_code == 200
        status = await portal.status()
    assert portal.bank.asked[0]["vnp_TxnRef"] == second["order_ref"]
    assert (status["status"], status["refund_due_vnd"], status["refunded_vnd"]) == ("paid", 0, 0)


async def test_what_cannot_be_given_back_by_message_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vietinbank")
        assert (await refund(portal)).status_code == 409
        await portal.notice(opened["bill_code"])
        assert (await refund(portal)).status_code == 409
        assert (await refund(portal, 0)).status_code == 422
    assert portal.bank.asked == []


# --- refunds that the bank has neither made nor refused ----------------------------------------------------------


def being_refunded(status: str) -> Answerer:
    """VNPAY has taken the refund on and knows it when it comes again; asked, it tells that status."""

    def answer(asked: Json) -> Json:
        if asked["vnp_Command"] == "refund":
            return vnpay_answer(asked, REFUND_SIGNED, vnp_ResponseCode="94")
        kind = {"vnp_TransactionType": "03", "vnp_TransactionStatus": status}
        return vnpay_answer(asked, QUERY_SIGNED, **kind)

    return answer


async def run_jobs(portal: Running) -> None:
    assert (await portal.http.post("/api/jobs/run", params={"dossier_code": "HS-1"})).status_code == 200


async def test_a_refund_that_is_only_taken_on_is_not_done(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await paid(portal)
        portal.bank.api = lambda asked: vnpay_answer(asked, REFUND_SIGNED, vnp_TransactionStatus="05")
        assert (await refund(portal, 20_000)).json() == {"state": "asked", "amount_vnd": 20_000}
        assert (await portal.status())["status"] == "paid"


@pytest.mark.parametrize(
    ("told", "status", "refunded_vnd"),
    [("00", "partly_refunded", 20_000), ("05", "paid", 0), ("06", "paid", 0), ("09", "paid", 0), ("77", "paid", 0)],
)
async def test_an_open_refund_is_followed_up_under_its_own_number(
    tmp_path: Path, told: str, status: str, refunded_vnd: int
) -> None:
    async with running(tmp_path) as portal:
        await paid(portal)
        portal.bank.api = lambda asked: httpx.ReadTimeout("slow")
        assert (await refund(portal, 20_000)).status_code == 202
        portal.bank.api = being_refunded(told)
        await run_jobs(portal)
        found = await portal.status()
        assert (found["status"], found["refunded_vnd"]) == (status, refunded_vnd)
        refunds = [asked for asked in portal.bank.asked if asked["vnp_Command"] == "refund"]
        assert len({asked["vnp_RequestId"] for asked in refunds}) == 1
        portal.bank.api = paid_at_vnpay
        freed = (await refund(portal, 40_000)).status_code != 409
        assert freed is (told == "09")


async def test_a_refund_that_never_reached_the_bank_is_made_by_the_next_job(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await paid(portal)
        portal.bank.api = lambda asked: httpx.ConnectError("down")
        assert (await refund(portal)).status_code == 202
        portal.bank.api = paid_at_vnpay
        await run_jobs(portal)
        assert (await portal.status())["status"] == "refunded"
        await run_jobs(portal)
    assert len([asked for asked in portal.bank.asked if asked["vnp_Command"] == "refund"]) == 2


async def test_a_killed_portal_goes_on_with_its_refunds(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await paid(portal)
        portal.bank.api = lambda asked: httpx.ReadTimeout("slow")
        assert (await refund(portal)).status_code == 202
        (first,) = [asked["vnp_RequestId"] for asked in portal.bank.asked]
    async with running(tmp_path) as again:
        await run_jobs(again)
        assert (await again.status())["status"] == "refunded"
        assert again.bank.asked[-1]["vnp_RequestId"] == first


async def test_the_payer_is_told_of_a_refund_once_it_is_made(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await paid(portal)

        async def told() -> list[str]:
            messages = (await portal.http.get("/api/dossiers/HS-1/notifications")).json()
            return [each["text"] for each in messages if each["text"].startswith("Đã hoàn")]

        portal.bank.api = lambda asked: vnpay_answer(asked, REFUND_SIGNED, vnp_TransactionStatus="05")
        await refund(portal, 20_000)
        assert await told() == []
        portal.bank.api = paid_at_vnpay
        await run_jobs(portal)
        await run_jobs(portal)
        assert await told() == ["Đã hoàn 20.000 đ lệ phí hồ sơ HS-1."]
