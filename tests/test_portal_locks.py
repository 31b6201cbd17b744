"""A dossier that its office has locked: nobody is asked to pay it, and money that comes all the same is booked."""

from pathlib import Path

from tests.portals import FEE_VND, Json, Running, inquiry, running


async def lock(portal: Running, *, locked: bool = True) -> Json:
    answer = await portal.http.post("/api/dossiers/HS-1/lock", json={"locked": locked})
    assert answer.status_code == 200
    return dict(answer.json())


async def owed(portal: Running, bill_code: str) -> str:
    return str((await portal.post("vietinbank/inquiry", inquiry(bill_code)))["errorCode"])


async def test_a_locked_bill_is_not_owed_until_it_is_unlocked(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        bill_code = (await portal.open("vietinbank"))["bill_code"]
        assert await owed(portal, bill_code) == "00"
        assert (await lock(portal))["locked"] is True
        assert await owed(portal, bill_code) == "02"
        assert (await lock(portal, locked=False))["locked"] is False
        assert await owed(portal, bill_code) == "00"


async def test_a_locked_dossier_opens_no_payment_and_offers_none(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.declare()
        await lock(portal)
        refused = await portal.http.post("/api/dossiers/HS-1/payments", json={"bank": "vnpay", "method": "redirect"})
        assert refused.status_code == 409
        assert "locked by its office" in refused.json()["detail"]
        page = (await portal.http.get("/dossiers/HS-1")).text
        assert "tạm khóa" in page
        assert "/pay" not in page


async def test_money_that_comes_while_the_dossier_is_locked_settles_it(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        bill_code = (await portal.open("vietinbank"))["bill_code"]
        await lock(portal)
        assert (await portal.notice(bill_code))["errorCode"] == "00"
        status = await portal.status()
        assert (status["status"], status["amount_paid_vnd"], status["receipts"]) == ("paid", FEE_VND, 1)


async def test_who_locks_an_unknown_dossier_is_told_so(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        assert (await portal.http.post("/api/dossiers/HS-2/lock", json={"locked": True})).status_code == 404
