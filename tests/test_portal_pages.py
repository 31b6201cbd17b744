"""What a citizen sees: from the list of services to the receipt, in two languages, with nothing of others' secrets."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from conformance.targets.portal.banks import counterparts
from conformance.targets.portal.services import shipped
from tests.portals import FEE_VND, PAYER, running

WAYS = [f"{each.bank}-{method}" for each in counterparts().values() for method in each.offered]
HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}"


async def test_services_of_both_provinces_are_offered_with_their_fees(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        page = (await portal.http.get("/")).text
    assert "Quảng Ninh" in page
    assert "Đà Nẵng" in page
    for service in shipped().services.values():
        assert f'href="/declare/{service.code}"' in page


async def test_a_citizen_declares_pays_and_gets_a_receipt(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        service = shipped().of_province("H17")[0]
        form = await portal.http.get(f"/declare/{service.code}")
        assert service.name in form.text
        declared = await portal.http.post(f"/declare/{service.code}", data={"applicant": PAYER, "phone": "0912345678"})
        assert declared.status_code == 303
        path = declared.headers["location"]
        assert path == "/dossiers/H17.12.6-261122-0001"
        page = (await portal.http.get(path)).text
        assert 'data-status="pending"' in page
        ways = re.findall(r'name="way" value="([\w-]+)"', page)
        assert ways == WAYS
        gone = await portal.http.post(f"{path}/pay", data={"way": "vnpay-redirect"})
        assert gone.status_code == 303
        assert gone.headers["location"].startswith("http://bank.test/vnpay/")
        order_ref = re.search(r"vnp_TxnRef=(\w+)", gone.headers["location"])[1]
        await portal.vnpay(order_ref, service.fee_vnd)
        page = (await portal.http.get(path)).text
        assert 'data-status="paid"' in page
        assert 'name="way"' not in page
        receipt = (await portal.http.get(f"{path}/receipt")).text
        assert all(word in receipt for word in ("EBL01", "26TAB", "Nguyễn *** Ánh", service.name, "đồng"))
        assert "H17.12.6-261122-0001" in (await portal.http.get("/outbox")).text


@pytest.mark.parametrize("way", [way for way in WAYS if way.partition("-")[0] in ("vnpay", "dvcqg", "vietinbank")])
async def test_every_way_to_pay_leads_somewhere(tmp_path: Path, way: str) -> None:
    async with running(tmp_path) as portal:
        await portal.declare()
        gone = await portal.http.post("/dossiers/HS-1/pay", data={"way": way})
        assert gone.status_code == 303
        page = (await portal.http.get("/dossiers/HS-1")).text
        assert (await portal.status())["bill_code"] in page
        again = re.search(r'<a href="([^"]+)">Tiếp tục</a>', page)
        assert (again is None) == (way == "vietinbank-bill")


async def test_pages_speak_english_and_remember_it(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.declare()
        assert "Chờ thanh toán" in (await portal.http.get("/dossiers/HS-1")).text
        page = await portal.http.get("/dossiers/HS-1?lang=en")
        assert '<html lang="en">' in page.text
        assert "Awaiting payment" in page.text
        assert "Awaiting payment" in (await portal.http.get("/dossiers/HS-1")).text
        assert '<html lang="vi">' in (await portal.http.get("/dossiers/HS-1?lang=vi")).text
        opened = await portal.http.post("/dossiers/HS-1/pay", data={"way": "vnpay-redirect"})
        assert "vnp_Locale=vn" in opened.headers["location"]


def test_every_text_is_there_in_both_languages() -> None:
    folder = files("conformance.targets.portal")
    texts = tomllib.loads(folder.joinpath("texts.toml").read_text())
    assert all(set(words) == {"vi", "en"} and all(words.values()) for words in texts.values())
    sources = [each.read_text() for each in folder.joinpath("templates").iterdir()]
    used = set(re.findall(r"\bt\.(\w+)", "".join(sources)))
    assert used <= set(texts)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/dossiers/X", 404),
        ("/dossiers/X/receipt", 404),
        ("/declare/none", 422),
        ("/qr/vnpay/none", 404),
        ("/dossiers/%3Cscript%3E", 404),
    ],
)
async def test_what_is_not_there_is_said_on_a_page(tmp_path: Path, path: str, status: int) -> None:
    async with running(tmp_path) as portal:
        page = await portal.http.get(path)
    assert page.status_code == status
    assert "Chưa thực hiện được" in page.text
    assert "<script" not in page.text


async def test_a_dossier_that_cannot_be_paid_says_so(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vnpay")
        assert (await portal.http.post("/dossiers/HS-1/pay", data={"way": "nonsense"})).status_code == 422
        await portal.vnpay(opened["order_ref"])
        page = await portal.http.post("/dossiers/HS-1/pay", data={"way": "vnpay-redirect"})
        assert page.status_code == 409
        assert "không còn chờ thanh toán" in page.text


async def test_an_unpaid_dossier_has_no_receipt(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.declare()
        page = await portal.http.get("/dossiers/HS-1/receipt")
    assert page.status_code == 404
    assert "EBL01" not in page.text


async def test_a_bank_that_does_not_answer_is_said_on_a_page(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.declare()
        portal.bank.init = lambda asked: {"MaLoi": "99"}
        page = await portal.http.post("/dossiers/HS-1/pay", data={"way": "dvcqg-redirect"})
    assert page.status_code == 502
    assert "Ngân hàng chưa trả lời" in page.text


async def test_what_people_type_is_escaped(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.http.post("/declare/H49-TAMTRU", data={"applicant": HOSTILE, "email": f"{HOSTILE}@x"})
        code = "H49.12.6-261122-0001"
        bill_code = (await portal.status(code))["bill_code"]
        fee_vnd = (await portal.status(code))["fee_vnd"]
        await portal.notice(bill_code, fee_vnd)
        for path in (f"/dossiers/{code}", f"/dossiers/{code}/receipt", "/outbox"):
            page = await portal.http.get(path)
            assert "<script" not in page.text
            assert "{{" not in page.text or "{{7*7}}" in page.text


async def test_pages_show_neither_names_nor_numbers_of_people(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vnpay")
        await portal.vnpay(opened["order_ref"])
        for path in ("/dossiers/HS-1", "/dossiers/HS-1/receipt", "/outbox", "/api/dossiers/HS-1"):
            page = (await portal.http.get(path)).text
            assert PAYER not in page
            assert "0912345678" not in page


async def test_no_script_may_run_on_a_page(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        page = await portal.http.get("/")
    assert "script-src 'none'" in page.headers["content-security-policy"]


async def test_the_form_has_no_amount_to_be_changed(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.declare()
        page = (await portal.http.get("/dossiers/HS-1")).text
        assert 'name="amount' not in page
        gone = await portal.http.post("/dossiers/HS-1/pay", data={"way": "vnpay-redirect", "amount_vnd": "1"})
        assert f"vnp_Amount={FEE_VND * 100}&" in gone.headers["location"]


async def test_a_search_leads_to_the_dossier(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        found = await portal.http.get("/find", params={"dossier_code": " HS/1 "})
    assert found.headers["location"] == "/dossiers/HS%2F1"


async def test_the_style_sheet_is_there(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        assert "--brand" in (await portal.http.get("/static/portal.css")).text
