"""What the portal's own parts do while they are out of order: nothing is lost, and nothing is done twice later."""

from pathlib import Path

import pytest

from conformance.targets.portal import settlement
from conformance.targets.portal.dossiers import Effect
from tests.portals import FEE_VND, NOON, Running, running
from tests.test_portal_settlement import NO_FLAWS, books_with, word


async def break_down(portal: Running, part: str, *, down: bool = True) -> None:
    assert (await portal.http.post(f"/api/outages/{part}", json={"down": down})).json() == {"down": down}


async def money(portal: Running) -> tuple[object, ...]:
    status = await portal.status()
    return status["status"], status["amount_paid_vnd"], status["receipts"], status["notifications"]


PAID_ONCE = ("paid", FEE_VND, 1, 1)


@pytest.mark.parametrize("style", ["listens", "acks_first"])
async def test_without_books_no_callback_is_acknowledged_and_its_repetition_settles_once(
    tmp_path: Path, style: str
) -> None:
    async with running(tmp_path, style=style) as portal:
        opened = await portal.open("vnpay")
        await break_down(portal, "books")
        assert (await portal.vnpay(opened["order_ref"]))["RspCode"] == "99"
        assert (await portal.http.get("/api/dossiers/HS-1")).status_code == 503
        await break_down(portal, "books", down=False)
        assert (await portal.status())["status"] == "pending"
        assert (await portal.vnpay(opened["order_ref"]))["RspCode"] == "00"
        await portal.run_jobs()
        assert await money(portal) == PAID_ONCE


async def test_a_payment_is_booked_while_nobody_issues_receipts_and_its_receipt_follows_once(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vnpay")
        await break_down(portal, "receipts")
        assert (await portal.vnpay(opened["order_ref"]))["RspCode"] == "00"
        await portal.run_jobs()
        assert await money(portal) == ("paid", FEE_VND, 0, 1)
        told = (await portal.http.get("/api/dossiers/HS-1/notifications")).json()
        assert "sẽ được lập sau" in told[0]["text"]
        await break_down(portal, "receipts", down=False)
        for _ in range(2):
            await portal.run_jobs()
            assert await money(portal) == PAID_ONCE
        assert (await portal.vnpay(opened["order_ref"]))["RspCode"] == "02"
        assert await money(portal) == PAID_ONCE


async def test_a_receipt_that_was_owed_is_still_owed_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vnpay")
        await break_down(portal, "receipts")
        await portal.vnpay(opened["order_ref"])
    async with running(tmp_path) as again:
        assert (await again.status())["receipts"] == 0
        await again.run_jobs()
        assert await money(again) == PAID_ONCE


def test_two_runs_at_once_issue_what_is_owed_once(tmp_path: Path) -> None:
    books = books_with(tmp_path, "A")
    told = settlement.settle(books, word("A"), NOON, NO_FLAWS, set(), issuer_is_down=True)
    assert told is Effect.SETTLED
    with books.reading() as entries:
        owed = entries.receipts_owed()
    assert owed == [("HS-1", "HS-1", FEE_VND)]
    assert [settlement.issue_owed(books, NOON, NO_FLAWS) for _ in range(2)] == [1, 0]
    with books.reading() as entries:
        assert [receipt.number for receipt in entries.receipts("HS-1")] == [1]
