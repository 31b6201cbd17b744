"""The portal at the national payment platform: INIT, CONFIRM, GET_BILL and the fee lookup."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Rejected
from conformance.targets.portal.protocols import dvcqg
from conformance.targets.portal.protocols.dvcqg import DvcqgContract
from tests.portals import (
    CONFIRM_SIGNED,
    FEE_VND,
    PAYER,
    confirm,
    running,
    sha256_joined,
    started_at_dvcqg,
    streamed,
)

CONTRACT = DvcqgContract()
NO_FLAWS: frozenset[Flaw] = frozenset()
INIT_SIGNED = (
    "LoaiBanTin PhienBan MaDoiTac MaThamChieu SoTien LoaiHinhThanhToan MaKenhThanhToan MaThietBi NgonNgu MaTienTe"
    " MaNganHang ThongTinGiaoDich ThoiGianGD Ip"
)

# dvcqg-td: made from the published rule, with the secret demo-secret.
KNOWN = {
    "CONFIRM|00|DEMO|MTC0001|50000|VND|GD0001|VCB|20250102150505|THANH TOAN HO SO HS01": (
        "ed3d4d1ed00ec35aed4c4ee25112df84a85f2b12e9ef24acda9d61495ad46293"
    ),
    "QUERY|1.0.6|DEMO|MTC0001|20250102150405": "601c1390b9b4d25c928feac139e218a2f53960b429163a9f0a079202691b5166",
    "GET_BILL|1.0.6|DEMO|MTC0001|20250102150405": "0e5a78d3a9278e9ae926444e848c4620f3c133be3aaf4b3e17e26e4ed53633b5",
    "INIT|1.0.6|DEMO|MTC0001|50000|PAY|1|1|vi-VN|VND|PAYMENT|THANH TOAN HO SO HS01|20250102150405|10.0.0.1": (
        "8f83f14c7942a0e642bb5a1125691b3d7bd60f38d3d6b457dcb072cb4e959d17"
    ),
}


@pytest.mark.parametrize("text", KNOWN)
def test_the_digest_is_the_published_one(text: str) -> None:
    values = text.split("|")
    names = tuple(f"f{number}" for number in range(len(values)))
    fields = dict(zip(names, values, strict=True))
    assert dvcqg._sealed(CONTRACT, fields, names)["MaXacThuc"] == KNOWN[text]


async def test_an_order_names_all_that_the_platform_needs(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.declare("H17.12.6-261122-0001", 1_200_000)
        opened = await portal.open("dvcqg", "H17.12.6-261122-0001")
    (asked,) = portal.bank.asked
    details = asked["ThongTinBienLai"]
    assert opened == {
        "kind": "redirect",
        "order_ref": asked["MaThamChieu"],
        "url": f"http://bank.test/pay/{asked['MaThamChieu']}",
    }
    assert asked["MaXacThuc"] == sha256_joined(asked, INIT_SIGNED)
    assert (asked["SoTien"], asked["ThoiGianGD"], asked["PhienBan"]) == ("1200000", "20261122120000", "1.0.6")
    assert asked["ThongTinGiaoDich"] == "THANH TOAN HO SO H17 12 6 261122 0001"
    assert details["MaHoSo"] == "H17.12.6-261122-0001"
    assert details["HoTenNguoiNop"] == PAYER
    assert sum(int(each["SoTien"]) for each in details["PhiLePhi"]) == 1_200_000
    assert sum(int(each["SoTien"]) for each in details["DSKhoanNop"]) == 1_200_000
    needed = ("MaDichVu", "MaDonVi", "TenDonVi", "TKThuHuong", "MaNHThuHuong", "TenTKThuHuong", "TenTTHC")
    assert all(details[name] for name in needed)


async def test_the_bus_of_a_province_may_wrap_the_answer(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        wrapped = {"error_code": "0", "message": json.dumps({"MaLoi": "00", "UrlThanhToan": "https://pay.test/1"})}
        portal.bank.init = lambda asked: wrapped
        assert (await portal.open("dvcqg"))["url"] == "https://pay.test/1"


@pytest.mark.parametrize(
    "answer",
    [
        {"MaLoi": "99", "MoTaLoi": "x", "UrlThanhToan": "https://pay.test"},
        {"error_code": "99", "message": "x"},
        {"error_code": "0", "message": "no JSON"},
        {"MaLoi": "00"},
        {"MaLoi": "00", "UrlThanhToan": "javascript:alert(1)"},
        {"MaLoi": "00", "UrlThanhToan": "http://[bad"},
        streamed(b"<html>", 200),
        streamed(b"{}", 500),
        streamed(b"", 302, location="https://elsewhere.test"),
        streamed(b"x" * 2_000_000),
        streamed(b"x", 200, **{"content-encoding": "gzip"}),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
    ],
    ids=str,
)
async def test_an_order_without_a_good_answer_stands_and_can_be_paid(tmp_path: Path, answer: Any) -> None:
    async with running(tmp_path) as portal:
        await portal.declare()
        portal.bank.init = lambda asked: answer
        response = await portal.http.post("/api/dossiers/HS-1/payments", json={"bank": "dvcqg", "method": "redirect"})
        assert response.status_code == 502
        order_ref = response.json()["order_ref"]
        assert (await portal.confirm(order_ref))["MaLoi"] == "00"
        assert (await portal.status())["status"] == "paid"


async def test_a_callback_before_the_answer_settles(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.declare()
        early: list[Any] = []

        async def pays_at_once(request: httpx.Request) -> httpx.Response:
            asked = json.loads(request.content)
            early.append(await portal.confirm(asked["MaThamChieu"]))
            return streamed(json.dumps(started_at_dvcqg(asked)).encode())

        portal.portal.line._http._transport = httpx.MockTransport(pays_at_once)
        await portal.open("dvcqg")
        assert early[0]["MaLoi"] == "00"
        assert (await portal.status())["status"] == "paid"


@pytest.mark.parametrize("amount", [FEE_VND, str(FEE_VND)])
async def test_a_confirmed_order_settles_with_an_answer_of_the_portals_own(tmp_path: Path, amount: Any) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("dvcqg")
        sent = confirm(opened["order_ref"], amount)
        answer = await portal.post("dvcqg/confirm", sent)
        again = await portal.post("dvcqg/confirm", sent)
        status = await portal.status()
    assert (answer["MaLoi"], answer["MaDoiTac"], answer["MaThamChieu"]) == ("00", "DEMO", opened["order_ref"])
    assert answer["MaXacThuc"] == sha256_joined(answer, "MaLoi MoTaLoi MaDoiTac MaThamChieu ThoiGianGD")
    assert answer["MaXacThuc"] != sent["MaXacThuc"]
    assert again["MaLoi"] == "00"
    assert (status["status"], status["receipts"]) == ("paid", 1)


@pytest.mark.parametrize(("code", "status"), [("99", "failed"), ("08", "pending"), ("1", "pending")])
async def test_what_is_not_00_is_acknowledged_and_not_paid(tmp_path: Path, code: str, status: str) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("dvcqg")
        assert (await portal.confirm(opened["order_ref"], MaLoi=code))["MaLoi"] == "00"
        assert (await portal.status())["status"] == status


@pytest.mark.parametrize(
    "changes",
    [
        {"SoTien": FEE_VND - 1},
        {"SoTien": 0},
        {"SoTien": -FEE_VND},
        {"SoTien": float(FEE_VND)},
        {"SoTien": True},
        {"SoTien": 10**30},
        {"MaTienTe": "USD"},
        {"MaTienTe": ""},
        {"MaDoiTac": "DEMO2"},
        {"MaThamChieu": "MTC0001"},
        {"MaGiaoDich": "GD|0001"},
        {"ThoiGianGD": "20261122120500|x"},
    ],
)
async def test_a_true_digest_is_not_enough(tmp_path: Path, changes: dict[str, Any]) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("dvcqg")
        assert (await portal.confirm(opened["order_ref"], **changes))["MaLoi"] == "99"
        assert (await portal.status())["status"] == "pending"


@pytest.mark.parametrize("signature", ["", None, "0" * 64, "null", 7, ["x"]])
async def test_a_false_digest_is_99_and_repeats_nothing(tmp_path: Path, signature: Any) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("dvcqg")
        false = confirm(opened["order_ref"]) | {"MaXacThuc": signature}
        answer = await portal.post("dvcqg/confirm", false)
        assert answer["MaLoi"] == "99"
        assert answer["MaXacThuc"] == ""
        assert opened["order_ref"] not in str(answer)
        assert sha256_joined(false, CONFIRM_SIGNED) not in str(answer)
        assert (await portal.status())["status"] == "pending"
        assert (await portal.confirm(opened["order_ref"]))["MaLoi"] == "00"


@given(st.dictionaries(st.sampled_from([*CONFIRM_SIGNED.split(), "MaXacThuc"]), st.integers() | st.text() | st.none()))
def test_no_message_without_the_secret_is_believed(fields: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        dvcqg.read_confirm(CONTRACT, fields, NO_FLAWS)


async def test_the_fee_lookup_tells_what_is_owed_and_not_by_whom(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.declare("H49.12.6-261122-0001", email="anh@example.vn")
        found = await portal.post("dvcqg/lookup", {"MaHoSo": "H49.12.6-261122-0001"})
        told = json.dumps(found, ensure_ascii=False)
        assert found["error_code"] == 1
        assert found["message"]["MaTraCuuTT"] == "H49.12.6-261122-000120261122120000"
        assert found["message"]["DSKhoanNop"][0]["SoTien"] == str(FEE_VND)
        assert not [word for word in (PAYER, "Ánh", "0912345678", "anh@example.vn") if word in told]
        assert await portal.post("dvcqg/lookup", {"MaHoSo": "H49.12.6-261122-0002"}) == {
            "error_code": -1,
            "message": [],
        }
        assert await portal.post_raw("dvcqg/lookup", b"[") == {"error_code": -1, "message": []}


async def test_a_fee_that_was_looked_up_is_settled_under_the_reference_of_the_lookup(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.declare()
        found = await portal.post("dvcqg/lookup", {"MaHoSo": "HS-1"})
        reference = found["message"]["MaTraCuuTT"]
        assert (await portal.confirm(reference, FEE_VND - 1))["MaLoi"] == "99"
        assert (await portal.confirm(reference))["MaLoi"] == "00"
        assert (await portal.confirm(reference))["MaLoi"] == "00"
        status = await portal.status()
        assert (status["status"], status["receipts"]) == ("paid", 1)
        assert await portal.post("dvcqg/lookup", {"MaHoSo": "HS-1"}) == {"error_code": 0, "message": []}


async def test_the_platforms_receipt_is_handed_on_for_a_paid_order(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("dvcqg")
        assert (await portal.http.get("/api/dossiers/HS-1/platform-receipt")).status_code == 409
        await portal.confirm(opened["order_ref"])
        linked = await portal.http.get("/api/dossiers/HS-1/platform-receipt")
        assert linked.headers["location"] == "https://bank.test/receipt"
        portal.bank.bill = lambda asked: streamed(b"%PDF-1.7", **{"content-type": "application/pdf"})
        assert (await portal.http.get("/api/dossiers/HS-1/platform-receipt")).content == b"%PDF-1.7"
        asked = portal.bank.asked[-1]
        assert asked["MaXacThuc"] == sha256_joined(asked, "LoaiBanTin PhienBan MaDoiTac MaThamChieu ThoiGianGD")
        portal.bank.bill = lambda asked: {"MaLoi": "00", "UrlBienLai": "javascript:alert(1)"}
        assert (await portal.http.get("/api/dossiers/HS-1/platform-receipt")).status_code == 502


@pytest.mark.parametrize("query", ["data=PAY_GD1_{ref}&responseCode=00&secureCode=x", "data=PAY_GD1_{ref}"])
async def test_the_return_settles_nothing(tmp_path: Path, query: str) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("dvcqg")
        page = await portal.http.get(f"/return/dvcqg?{query.format(ref=opened['order_ref'])}")
        assert 'data-status="pending"' in page.text
        assert (await portal.status())["status"] == "pending"


@pytest.mark.parametrize("query", ["", "data=", "data=_", "data=a_b_c&data=d", "data=a_b_<script>&responseCode=00"])
async def test_any_return_is_shown_a_page(tmp_path: Path, query: str) -> None:
    async with running(tmp_path) as portal:
        page = await portal.http.get(f"/return/dvcqg?{query}")
    assert page.status_code == 200
    assert "<script>" not in page.text
