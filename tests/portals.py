"""A sample portal in this process, a bank that answers as it is told, and callbacks signed by the tests' own code."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from conformance.targets.portal.app import portal_app
from conformance.targets.portal.bank_line import BankLine
from conformance.targets.portal.books import Books
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.services import shipped
from conformance.targets.portal.settings import Settings

VNPAY_SECRET = "SIMULATORSECRETKEY0123456789ABCD"
DVCQG_SECRET = "demo-secret"
FEE_VND = 50_000
PAYER = "Nguyễn Thị Ánh"
NOON = datetime(2026, 11, 22, 5, 0, 0, tzinfo=UTC)

Json = dict[str, Any]


@cache
def private_key(name: str) -> Any:
    return serialization.load_pem_private_key(key_text(name).encode(), password=None)


def key_text(name: str) -> str:
    return files("fixtures").joinpath("keys", name).read_text()


# --- what banks send ---------------------------------------------------------------------------------------------


def vnpay_query(fields: dict[str, str], secret: str = VNPAY_SECRET) -> str:
    signed = urlencode(sorted(fields.items()))
    return f"{signed}&vnp_SecureHash={hmac.digest(secret.encode(), signed.encode(), 'sha512').hex()}"


def vnpay_fields(order_ref: str, amount_vnd: int = FEE_VND, **changes: str) -> dict[str, str]:
    fields = {
        "vnp_TmnCode": "DEMOV210",
        "vnp_Amount": str(amount_vnd * 100),
        "vnp_BankCode": "NCB",
        "vnp_BankTranNo": "VNP14226112",
        "vnp_CardType": "ATM",
        "vnp_PayDate": "20261122120500",
        "vnp_OrderInfo": "Le phi ho so",
        "vnp_TransactionNo": "14226112",
        "vnp_ResponseCode": "00",
        "vnp_TransactionStatus": "00",
        "vnp_TxnRef": order_ref,
    }
    return {name: value for name, value in (fields | changes).items() if value != "absent"}


def sha256_joined(fields: Json, names: str, secret: str = DVCQG_SECRET) -> str:
    return hashlib.sha256("|".join([*(str(fields[name]) for name in names.split()), secret]).encode()).hexdigest()


CONFIRM_SIGNED = (
    "LoaiBanTin MaLoi MaDoiTac MaThamChieu SoTien MaTienTe MaGiaoDich MaNganHang ThoiGianGD ThongTinGiaoDich"
)


def confirm(order_ref: str, amount_vnd: int = FEE_VND, **changes: Any) -> Json:
    fields: Json = {
        "LoaiBanTin": "CONFIRM",
        "MaLoi": "00",
        "MaDoiTac": "DEMO",
        "MaThamChieu": order_ref,
        "SoTien": amount_vnd,
        "MaTienTe": "VND",
        "MaGiaoDich": "GD0001",
        "MaNganHang": "VCB",
        "ThoiGianGD": "20261122120500",
        "ThongTinGiaoDich": "THANH TOAN HO SO",
        "MaHoSo": "HS01",
    } | changes
    return {"MaXacThuc": sha256_joined(fields, CONFIRM_SIGNED)} | fields


def rsa_signature(text: str, key_name: str = "vietinbank_private.pem") -> str:
    key = private_key(key_name)
    return base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


def signed_by_biller(text: str, signature: str) -> bool:
    """Raises InvalidSignature for another's."""
    key: Any = serialization.load_pem_public_key(key_text("biller_public.pem").encode())
    key.verify(base64.b64decode(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return True


def joined(fields: Json, names: str) -> str:
    return "".join(str(fields.get(name) or "") for name in names.split())


FLAT_NOTICE = "transId transTime custCode amount bankTransId remark"
FLAT_INQUIRY = "transId channelId transTime transType custCode custName custAcct"


def notice(
    bill_code: str, amount_vnd: int | str = FEE_VND, key_name: str = "vietinbank_private.pem", **changes: Any
) -> Json:
    fields: Json = {
        "msgId": "m1",
        "providerId": "9111",
        "transId": "501690869",
        "transTime": "20261122120634",
        "transType": "3",
        "custCode": bill_code,
        "amount": str(amount_vnd),
        "currencyCode": "VND",
        "bankTransId": "164T24200GKAJ7BY",
        "remark": "CT DEN:164T24200GKAJ7BY CK",
    } | changes
    return fields | {"signature": rsa_signature(joined(fields, FLAT_NOTICE), key_name)}


def record(bill_code: str, amount_vnd: int = FEE_VND, **changes: Any) -> Json:
    return {
        "transId": "501690869",
        "originalId": None,
        "transTime": "20261122120634",
        "transType": "C",
        "custCode": bill_code,
        "amount": str(amount_vnd),
        "currencyCode": "VND",
        "bankTransId": "164T24200GKAJ7BY",
        "remark": "CK",
        "status": {"code": "00", "message": "SUCCESS"},
    } | changes


def records_notice(*records: Json) -> Json:
    names = "transId originalId transTime custCode custName custAcct amount balance status.code bankTransId remark"
    flat = [each | {"status.code": (each.get("status") or {}).get("code")} for each in records]
    signature = rsa_signature("".join(joined(each, names) for each in flat))
    header = {"msgId": "m1", "msgType": "1200", "channelId": "211701", "providerId": "9111", "signature": signature}
    return {"header": header, "data": {"records": list(records)}}


def inquiry(bill_code: str, key_name: str = "vietinbank_private.pem", **changes: Any) -> Json:
    fields: Json = {
        "msgId": "m1",
        "providerId": "9111",
        "channelId": "211701",
        "transId": "777",
        "transTime": "20261122120634",
        "transType": "3",
        "custCode": bill_code,
    } | changes
    return fields | {"signature": rsa_signature(joined(fields, FLAT_INQUIRY), key_name)}


def records_inquiry(bill_code: str) -> Json:
    asked = {"transId": "777", "transTime": "07302025153300", "transType": "C", "custCode": bill_code}
    signature = rsa_signature(joined(asked, "transId transTime custCode"))
    header = {"msgId": "m1", "msgType": "1100", "channelId": "211701", "providerId": "9111", "signature": signature}
    return {"header": header, "data": {"records": [asked]}}


# --- what banks answer -------------------------------------------------------------------------------------------

QUERY_SIGNED = (
    "ResponseId Command ResponseCode Message TmnCode TxnRef Amount BankCode PayDate TransactionNo TransactionType"
    " TransactionStatus OrderInfo PromotionCode PromotionAmount"
)
REFUND_SIGNED = QUERY_SIGNED.removesuffix(" PromotionCode PromotionAmount")


def vnpay_answer(asked: Json, signed: str, **changes: str) -> Json:
    fields = {
        "vnp_ResponseId": "r1",
        "vnp_Command": asked["vnp_Command"],
        "vnp_ResponseCode": "00",
        "vnp_Message": "Success",
        "vnp_TmnCode": asked["vnp_TmnCode"],
        "vnp_TxnRef": asked["vnp_TxnRef"],
        "vnp_Amount": asked.get("vnp_Amount", str(FEE_VND * 100)),
        "vnp_BankCode": "NCB",
        "vnp_PayDate": "20261122120500",
        "vnp_TransactionNo": "14226112",
        "vnp_TransactionType": asked.get("vnp_TransactionType", "01"),
        "vnp_TransactionStatus": "00",
        "vnp_OrderInfo": asked["vnp_OrderInfo"],
    } | changes
    text = "|".join(fields.get(f"vnp_{name}", "") for name in signed.split())
    return {"vnp_SecureHash": hmac.digest(VNPAY_SECRET.encode(), text.encode(), "sha512").hex()} | fields


def dvcqg_query_answer(asked: Json, state: str = "1", **changes: Any) -> Json:
    fields = confirm(asked["MaThamChieu"], **({"LoaiBanTin": "QUERY", "TrangThaiGD": state} | changes))
    return fields | {"MaXacThuc": sha256_joined(fields, f"{CONFIRM_SIGNED} TrangThaiGD")}


def streamed(body: bytes, status: int = 200, **headers: str) -> httpx.Response:
    """An answer that is read from the wire as a real one is."""
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))


Answerer = Callable[[Json], Json | httpx.Response | Exception]


def paid_at_vnpay(asked: Json) -> Json:
    return vnpay_answer(asked, REFUND_SIGNED if asked["vnp_Command"] == "refund" else QUERY_SIGNED)


def started_at_dvcqg(asked: Json) -> Json:
    return {"MaLoi": "00", "MoTaLoi": "OK", "UrlThanhToan": f"http://bank.test/pay/{asked['MaThamChieu']}"}


@dataclass
class Bank:
    """What the portal asked, and what it is answered: by default everything is well and paid.

    `more` are answers by the last part of the path, where another bank's differ.
    """

    asked: list[Json] = field(default_factory=list)
    api: Answerer = paid_at_vnpay
    init: Answerer = started_at_dvcqg
    query: Answerer = dvcqg_query_answer
    bill: Answerer = lambda asked: {"MaLoi": "00", "UrlBienLai": "https://bank.test/receipt"}
    genqr: Answerer = lambda asked: {"code": "00", "message": "Success", "qrcontent": "000201"}
    more: dict[str, Answerer] = field(default_factory=dict)

    def serve(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            asked: Json = dict(parse_qsl(urlsplit(str(request.url)).query))
        else:
            asked = json.loads(request.content)
        self.asked.append(asked)
        last = request.url.path.rsplit("/", 1)[1]
        answerers = {"transaction": self.api, "init": self.init, "query": self.query, "bill": self.bill}
        answer = (answerers | self.more).get(last, self.genqr)(asked)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else streamed(json.dumps(answer).encode())


# --- the portal --------------------------------------------------------------------------------------------------


@dataclass
class Running:
    portal: Portal
    bank: Bank
    http: httpx.AsyncClient
    now: list[datetime]

    async def declare(self, dossier_code: str = "HS-1", fee_vnd: int = FEE_VND, **more: str) -> Json:
        body = {"dossier_code": dossier_code, "fee_vnd": fee_vnd, "applicant": PAYER, "phone": "0912345678"} | more
        return self._good(await self.http.post("/api/dossiers", json=body))

    async def open(self, bank: str, dossier_code: str = "HS-1", method: str = "", **more: Any) -> Json:
        """Declares the dossier first if there is none."""
        if (await self.http.get(f"/api/dossiers/{dossier_code}")).status_code == 404:
            await self.declare(dossier_code)
        method = method or {"vietinbank": "bill", "sepay": "qr"}.get(bank, "redirect")
        body = {"bank": bank, "method": method} | more
        return self._good(await self.http.post(f"/api/dossiers/{dossier_code}/payments", json=body))

    async def status(self, dossier_code: str = "HS-1") -> Json:
        return self._good(await self.http.get(f"/api/dossiers/{dossier_code}"))

    async def vnpay(self, order_ref: str, amount_vnd: int = FEE_VND, **changes: str) -> Json:
        """Sends a rightly signed callback; the acknowledgement."""
        return await self.vnpay_raw(vnpay_query(vnpay_fields(order_ref, amount_vnd, **changes)))

    async def vnpay_raw(self, query: str) -> Json:
        return self._acknowledgement(await self.http.get(f"/callbacks/vnpay?{query}"))

    async def confirm(self, order_ref: str, amount_vnd: int = FEE_VND, **changes: Any) -> Json:
        return await self.post("dvcqg/confirm", confirm(order_ref, amount_vnd, **changes))

    async def notice(self, bill_code: str, amount_vnd: int = FEE_VND, **changes: Any) -> Json:
        return await self.post("vietinbank/notice", notice(bill_code, amount_vnd, **changes))

    async def post(self, path: str, message: Any) -> Json:
        return self._acknowledgement(await self.http.post(f"/callbacks/{path}", json=message))

    async def post_raw(self, path: str, body: bytes) -> Json:
        return self._acknowledgement(await self.http.post(f"/callbacks/{path}", content=body))

    async def run_jobs(self) -> Json:
        return self._good(await self.http.post("/api/jobs/run"))

    def later(self, **span: float) -> None:
        self.now[0] += timedelta(**span)

    @staticmethod
    def _good(response: httpx.Response) -> Any:
        assert response.is_success, response.text
        return response.json()

    @staticmethod
    def _acknowledgement(response: httpx.Response) -> Any:
        """Whatever it says, it is HTTP 200 with JSON."""
        told = (response.status_code, response.headers.get("content-type"))
        assert told == (200, "application/json"), response.text
        return response.json()


def settings(folder: Path, **changes: Any) -> Settings:
    plain = Settings(
        bank_url="http://bank.test",
        public_url="http://portal.test",
        database=folder / "portal.db",
        bank_timeout_s=5.0,
    )
    return replace(plain, **changes)


@asynccontextmanager
async def running(folder: Path, *flaws: Flaw, **changes: Any) -> AsyncIterator[Running]:
    """A portal without its timetable: jobs run when they are asked for. A second one on the folder is a restart."""
    chosen = settings(folder, **changes)
    bank = Bank()
    now = [NOON]
    portal = Portal(
        settings=chosen,
        books=Books(chosen.database),
        line=BankLine(chosen.bank_timeout_s, httpx.MockTransport(bank.serve)),
        clock=lambda: now[0],
        catalogue=shipped(),
        flaws=frozenset(flaws),
    )
    transport = httpx.ASGITransport(app=portal_app(portal), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://portal.test") as http:
        yield Running(portal, bank, http, now)
    await portal.line.close()
    portal.books.close()
