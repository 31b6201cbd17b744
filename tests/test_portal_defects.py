"""Every switchable defect shows to someone who only sends and reads messages, and the correct portal shows none."""

import asyncio
import base64
import hmac
import inspect
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from conformance.targets import portal as portal_package
from conformance.targets.portal.defects import ALL_BANKS, ASKED_BANKS, DEFECTS, Flaw, named
from tests.portals import (
    CONFIRM_SIGNED,
    FEE_VND,
    FLAT_NOTICE,
    PAYER,
    QUERY_SIGNED,
    Json,
    Running,
    confirm,
    dvcqg_query_answer,
    inquiry,
    joined,
    key_text,
    notice,
    paid_at_vnpay,
    record,
    records_notice,
    running,
    sha256_joined,
    vnpay_answer,
    vnpay_fields,
    vnpay_query,
)
from tests.test_portal_sepay import send as sepay_send
from tests.test_portal_sepay import told as sepay_told

Probe = Callable[[Running], Awaitable[bool]]
"""Whether the portal behaves rightly."""

FAILED = {"vnp_ResponseCode": "24", "vnp_TransactionStatus": "02"}

PROBES: dict[tuple[Flaw, str], Probe] = {}


def probe(flaw: Flaw, *banks: str) -> Callable[[Callable[..., Awaitable[bool]]], Callable[..., Awaitable[bool]]]:
    """A probe of one bank's messages, or of several banks' if it takes the bank's name."""

    def keep(function: Callable[..., Awaitable[bool]]) -> Callable[..., Awaitable[bool]]:
        for bank in banks:
            takes_bank = len(inspect.signature(function).parameters) > 1
            PROBES[flaw, bank] = (lambda portal, bank=bank: function(portal, bank)) if takes_bank else function
        return function

    return keep


async def tell(portal: Running, bank: str, opened: Json, amount_vnd: int = FEE_VND, **changes: Any) -> Json:
    """A true callback of success, with `changes`."""
    if bank == "vnpay":
        return await portal.vnpay(opened["order_ref"], amount_vnd, **changes)
    if bank == "dvcqg":
        return await portal.confirm(opened["order_ref"], amount_vnd, **changes)
    if bank == "sepay":
        webhook = sepay_told(opened["order_ref"], amount_vnd)
        body = json.dumps(json.loads(webhook) | changes).encode()
        return (await sepay_send(portal, body)).json()  # type: ignore[no-any-return]
    return await portal.notice(opened["bill_code"], amount_vnd, **changes)


async def tell_signed(portal: Running, bank: str, opened: Json, signature: Callable[[str], str]) -> Json:
    """A true callback with what `signature` makes of its signature."""
    if bank == "vnpay":
        head, _, right = vnpay_query(vnpay_fields(opened["order_ref"])).partition("&vnp_SecureHash=")
        return await portal.vnpay_raw(f"{head}&vnp_SecureHash={signature(right)}")
    name = "MaXacThuc" if bank == "dvcqg" else "signature"
    true = confirm(opened["order_ref"]) if bank == "dvcqg" else notice(opened["bill_code"])
    path = "dvcqg/confirm" if bank == "dvcqg" else "vietinbank/notice"
    return await portal.post(path, true | {name: signature(true[name])})


async def failure(portal: Running, bank: str, opened: Json) -> Json:
    return await tell(portal, bank, opened, **(FAILED if bank == "vnpay" else {"MaLoi": "99"}))


def code(answer: Json) -> str:
    return str(answer.get("RspCode") or answer.get("MaLoi") or answer.get("errorCode"))


def is_done(answer: Json) -> bool:
    """The bank would not repeat its message."""
    if "success" in answer:
        return answer["success"] is True
    return code(answer) in ("00", "02", "05") and not (code(answer) == "02" and "errorCode" in answer)


async def is_unpaid(portal: Running) -> bool:
    status = await portal.status()
    return (status["amount_paid_vnd"], status["receipts"]) == (0, 0) and status["status"] != "paid"


async def is_paid_once(portal: Running) -> bool:
    status = await portal.status()
    told = (status["status"], status["amount_paid_vnd"], status["receipts"], status["notifications"])
    return told == ("paid", FEE_VND, 1, 1)


@probe(Flaw.SIGNATURE_NOT_CHECKED, *ALL_BANKS)
async def _(portal: Running, bank: str) -> bool:
    await tell_signed(portal, bank, await portal.open(bank), lambda right: "0" * len(right))
    return await is_unpaid(portal)


@probe(Flaw.EMPTY_SIGNATURE_ACCEPTED, *ALL_BANKS)
async def _(portal: Running, bank: str) -> bool:
    await tell_signed(portal, bank, await portal.open(bank), lambda right: "")
    return await is_unpaid(portal)


@probe(Flaw.PARTIAL_SIGNATURE_ACCEPTED, "vnpay", "dvcqg")
async def _(portal: Running, bank: str) -> bool:
    await tell_signed(portal, bank, await portal.open(bank), lambda right: right[: len(right) // 2])
    return await is_unpaid(portal)


@probe(Flaw.UNKNOWN_EXTRA_DROPPED, "vnpay")
async def _(portal: Running) -> bool:
    await tell(portal, "vnpay", await portal.open("vnpay"), vnp_Promotion="Tet")
    return await is_paid_once(portal)


@probe(Flaw.OPTIONAL_FIELD_REQUIRED, "vnpay", "dvcqg")
async def _(portal: Running, bank: str) -> bool:
    missing: Json = {"vnp_BankTranNo": "absent"} if bank == "vnpay" else {"MaHoSo": None}
    await tell(portal, bank, await portal.open(bank), **missing)
    return await is_paid_once(portal)


@probe(Flaw.SIGNATURE_ORACLE, "vnpay")
async def _(portal: Running) -> bool:
    opened = await portal.open("vnpay")
    right = vnpay_query(vnpay_fields(opened["order_ref"])).rpartition("=")[2]
    return right not in str(await tell_signed(portal, "vnpay", opened, lambda right: "0"))


@probe(Flaw.SIGNATURE_ORACLE, "dvcqg")
async def _(portal: Running) -> bool:
    opened = await portal.open("dvcqg")
    right = sha256_joined(confirm(opened["order_ref"]), CONFIRM_SIGNED)
    return right not in str(await tell_signed(portal, "dvcqg", opened, lambda right: "0"))


@probe(Flaw.BAD_SIGNATURE_POISONS, *ALL_BANKS)
async def _(portal: Running, bank: str) -> bool:
    opened = await portal.open(bank)
    await tell_signed(portal, bank, opened, lambda right: "0" * len(right))
    await tell(portal, bank, opened)
    return await is_paid_once(portal)


@probe(Flaw.AMOUNT_NOT_COMPARED, *ALL_BANKS, "sepay")
async def _(portal: Running, bank: str) -> bool:
    await tell(portal, bank, await portal.open(bank), FEE_VND - 1)
    return await is_unpaid(portal)


@probe(Flaw.MERCHANT_NOT_COMPARED, *ALL_BANKS)
async def _(portal: Running, bank: str) -> bool:
    other = {"vnpay": {"vnp_TmnCode": "DEMOV211"}, "dvcqg": {"MaDoiTac": "D2"}, "vietinbank": {"providerId": "9112"}}
    await tell(portal, bank, await portal.open(bank), **other[bank])
    return await is_unpaid(portal)


@probe(Flaw.CURRENCY_NOT_COMPARED, "dvcqg", "vietinbank")
async def _(portal: Running, bank: str) -> bool:
    await tell(portal, bank, await portal.open(bank), **{"MaTienTe" if bank == "dvcqg" else "currencyCode": "LAK"})
    return await is_unpaid(portal)


@probe(Flaw.AMOUNT_IN_INT32, *ALL_BANKS)
async def _(portal: Running, bank: str) -> bool:
    await portal.declare(fee_vnd=3_000_000_000)
    await tell(portal, bank, await portal.open(bank), 3_000_000_000)
    return bool((await portal.status())["status"] == "paid")


@probe(Flaw.RESPONSE_CODE_ONLY, "vnpay")
async def _(portal: Running) -> bool:
    await tell(portal, "vnpay", await portal.open("vnpay"), vnp_TransactionStatus="02")
    return await is_unpaid(portal)


@probe(Flaw.EITHER_CODE, "vnpay")
async def _(portal: Running) -> bool:
    await tell(portal, "vnpay", await portal.open("vnpay"), vnp_ResponseCode="24")
    return await is_unpaid(portal)


@probe(Flaw.UNKNOWN_CODE_IS_SUCCESS, "vnpay", "dvcqg")
async def _(portal: Running, bank: str) -> bool:
    names = ("vnp_ResponseCode", "vnp_TransactionStatus") if bank == "vnpay" else ("MaLoi",)
    await tell(portal, bank, await portal.open(bank), **dict.fromkeys(names, "88"))
    return await is_unpaid(portal)


@probe(Flaw.UNKNOWN_CODE_IS_FAILURE, "vnpay")
async def _(portal: Running) -> bool:
    await tell(portal, "vnpay", await portal.open("vnpay"), vnp_ResponseCode="07", vnp_TransactionStatus="07")
    return bool((await portal.status())["status"] == "pending")


@probe(Flaw.SUSPECTED_IS_PAID, "vnpay")
async def _(portal: Running) -> bool:
    await tell(portal, "vnpay", await portal.open("vnpay"), vnp_ResponseCode="07", vnp_TransactionStatus="07")
    return await is_unpaid(portal)


@probe(Flaw.FAILURE_ACKED_WITH_ERROR, "vnpay", "dvcqg")
async def _(portal: Running, bank: str) -> bool:
    return is_done(await failure(portal, bank, await portal.open(bank)))


@probe(Flaw.ALWAYS_ACKED, *ALL_BANKS)
async def _(portal: Running, bank: str) -> bool:
    return not is_done(await tell(portal, bank, {"order_ref": "HS-0001", "bill_code": "HS-0001"}))


@probe(Flaw.REFUSAL_IS_HTTP_500, *ALL_BANKS)
@probe(Flaw.REDIRECT_AS_ACK, *ALL_BANKS)
async def _(portal: Running, bank: str) -> bool:
    paths = {"vnpay": "vnpay", "dvcqg": "dvcqg/confirm", "vietinbank": "vietinbank/notice"}
    response = await portal.http.request(
        "GET" if bank == "vnpay" else "POST", f"/callbacks/{paths[bank]}", content="{}"
    )
    return response.status_code == 200


@probe(Flaw.ACK_ECHOES_CALLER, "dvcqg")
async def _(portal: Running) -> bool:
    return is_done(await failure(portal, "dvcqg", await portal.open("dvcqg")))


@probe(Flaw.DUPLICATE_SETTLES_TWICE, *ALL_BANKS)
async def _(portal: Running, bank: str) -> bool:
    opened = await portal.open(bank)
    await tell(portal, bank, opened)
    await tell(portal, bank, opened)
    return await is_paid_once(portal)


@probe(Flaw.DUPLICATE_KNOWN_IN_MEMORY, *ALL_BANKS)
async def _(portal: Running, bank: str) -> bool:
    opened = await portal.open(bank)
    await tell(portal, bank, opened)
    await tell(portal, bank, opened)
    before_restart = await is_paid_once(portal)
    portal.portal.handled.clear()
    await tell(portal, bank, opened)
    return before_restart and await is_paid_once(portal)


@probe(Flaw.CONCURRENT_DUPLICATE_RACE, *ALL_BANKS)
async def _(portal: Running, bank: str) -> bool:
    opened = await portal.open(bank)
    await asyncio.gather(*(tell(portal, bank, opened) for _ in range(20)))
    return await is_paid_once(portal)


@probe(Flaw.DUPLICATE_REFUSED, *ALL_BANKS)
async def _(portal: Running, bank: str) -> bool:
    opened = await portal.open(bank)
    await tell(portal, bank, opened)
    return is_done(await tell(portal, bank, opened))


@probe(Flaw.LATE_FAILURE_OVERWRITES, "vnpay", "dvcqg")
async def _(portal: Running, bank: str) -> bool:
    opened = await portal.open(bank)
    await tell(portal, bank, opened)
    await failure(portal, bank, opened)
    return await is_paid_once(portal)


@probe(Flaw.FAILURE_IS_FINAL, "vnpay", "dvcqg")
async def _(portal: Running, bank: str) -> bool:
    opened = await portal.open(bank)
    await failure(portal, bank, opened)
    await tell(portal, bank, opened)
    return await is_paid_once(portal)


@probe(Flaw.LATE_MONEY_DROPPED, *ALL_BANKS)
async def _(portal: Running, bank: str) -> bool:
    opened = await portal.open(bank)
    await portal.http.post("/api/dossiers/HS-1/cancel")
    await tell(portal, bank, opened)
    return bool((await portal.status())["refund_due_vnd"] == FEE_VND)


@probe(Flaw.SECOND_PAYMENT_NOT_FLAGGED, *ALL_BANKS)
async def _(portal: Running, bank: str) -> bool:
    await tell(portal, bank, await portal.open(bank))
    second: Json = {"transId": "2"} if bank == "vietinbank" else {}
    other = (await portal.status())["bill_code"] if bank == "vietinbank" else ""
    return await _second_is_flagged(portal, bank, other, second)


async def _second_is_flagged(portal: Running, bank: str, bill_code: str, changes: Json) -> bool:
    if bank == "vietinbank":
        await portal.notice(bill_code, **changes)
    else:
        await portal.notice((await portal.status())["bill_code"], transId="3")
    return bool((await portal.status())["refund_due_vnd"] == FEE_VND)


def return_of(bank: str, opened: Json, secret: str) -> str:
    if bank == "vnpay":
        return f"/return/vnpay?{vnpay_query(vnpay_fields(opened['order_ref']), secret)}"
    return f"/return/dvcqg?data=PAY_GD1_{opened['order_ref']}&responseCode=00&secureCode=x"


@probe(Flaw.RETURN_SETTLES, "vnpay", "dvcqg")
async def _(portal: Running, bank: str) -> bool:
    opened = await portal.open(bank)
    await portal.http.get(return_of(bank, opened, "SIMULATORSECRETKEY0123456789ABCD"))
    return await is_unpaid(portal)


@probe(Flaw.FORGED_RETURN_SETTLES, "vnpay", "dvcqg")
async def _(portal: Running, bank: str) -> bool:
    opened = await portal.open(bank)
    await portal.http.get(return_of(bank, opened, "a forger's"))
    return await is_unpaid(portal)


PENDING: dict[str, Callable[..., Json]] = {
    "vnpay": lambda asked, **more: vnpay_answer(asked, QUERY_SIGNED, vnp_TransactionStatus="01", **more),
    "dvcqg": lambda asked, **more: dvcqg_query_answer(asked, "3", **more),
}
PAID: dict[str, Callable[[Json], Json]] = {"vnpay": paid_at_vnpay, "dvcqg": dvcqg_query_answer}


def answers(portal: Running, bank: str, answerer: Callable[..., Json]) -> None:
    setattr(portal.bank, "api" if bank == "vnpay" else "query", answerer)


@probe(Flaw.QUERY_WORKED_IS_PAID, "vnpay", "dvcqg")
async def _(portal: Running, bank: str) -> bool:
    await portal.open(bank)
    answers(portal, bank, PENDING[bank])
    await portal.run_jobs()
    return await is_unpaid(portal)


@probe(Flaw.QUERY_ANSWER_UNCHECKED, "vnpay", "dvcqg")
async def _(portal: Running, bank: str) -> bool:
    await portal.open(bank)
    name = "vnp_SecureHash" if bank == "vnpay" else "MaXacThuc"
    answers(portal, bank, lambda asked: PAID[bank](asked) | {name: "0"})
    await portal.run_jobs()
    return await is_unpaid(portal)


@probe(Flaw.QUERY_PENDING_IS_FAILURE, "vnpay", "dvcqg")
async def _(portal: Running, bank: str) -> bool:
    await portal.open(bank)
    answers(portal, bank, PENDING[bank])
    await portal.run_jobs()
    return bool((await portal.status())["status"] == "pending")


@probe(Flaw.QUERY_DATE_IS_NOW, "vnpay", "dvcqg")
async def _(portal: Running, bank: str) -> bool:
    await portal.open(bank)
    portal.later(minutes=5)
    await portal.run_jobs()
    asked = portal.bank.asked[-1]
    return bool(asked["vnp_TransactionDate" if bank == "vnpay" else "ThoiGianGD"] == "20261122120000")


@probe(Flaw.QUERY_NUMBER_REUSED, "vnpay")
async def _(portal: Running) -> bool:
    await portal.open("vnpay")
    answers(portal, "vnpay", PENDING["vnpay"])
    await portal.run_jobs()
    await portal.run_jobs()
    return len({asked["vnp_RequestId"] for asked in portal.bank.asked}) == 2


@probe(Flaw.LOST_CALLBACK_NEVER_POLLED, "vnpay", "dvcqg")
async def _(portal: Running, bank: str) -> bool:
    await portal.open(bank)
    await portal.run_jobs()
    return await is_paid_once(portal)


@probe(Flaw.PENDING_POLLED_ONCE, "vnpay", "dvcqg")
async def _(portal: Running, bank: str) -> bool:
    await portal.open(bank)
    answers(portal, bank, PENDING[bank])
    await portal.run_jobs()
    answers(portal, bank, PAID[bank])
    await portal.run_jobs()
    return await is_paid_once(portal)


@probe(Flaw.ATTEMPT_RECORDED_AFTER_ANSWER, "dvcqg")
async def _(portal: Running) -> bool:
    await portal.declare()
    portal.bank.init = lambda asked: httpx.ReadTimeout("slow")
    await portal.http.post("/api/dossiers/HS-1/payments", json={"bank": "dvcqg", "method": "redirect"})
    await portal.confirm(portal.bank.asked[0]["MaThamChieu"])
    return await is_paid_once(portal)


@probe(Flaw.NEW_ATTEMPT_FORGETS_OLD, "vnpay", "dvcqg")
async def _(portal: Running, bank: str) -> bool:
    first = await portal.open(bank)
    await portal.open(bank)
    await tell(portal, bank, first)
    return await is_paid_once(portal)


@probe(Flaw.PAID_DOSSIER_REOPENED, *ALL_BANKS)
async def _(portal: Running, bank: str) -> bool:
    await tell(portal, bank, await portal.open(bank))
    body = {"bank": bank, "method": "bill" if bank == "vietinbank" else "redirect"}
    return (await portal.http.post("/api/dossiers/HS-1/payments", json=body)).status_code == 409


@probe(Flaw.BROWSER_AMOUNT_TRUSTED, "vnpay")
async def _(portal: Running) -> bool:
    opened = await portal.open("vnpay", amount_vnd=1000)
    return f"vnp_Amount={FEE_VND * 100}&" in opened["url"]


@probe(Flaw.BROWSER_AMOUNT_TRUSTED, "dvcqg")
async def _(portal: Running) -> bool:
    await portal.open("dvcqg", amount_vnd=1000)
    return bool(portal.bank.asked[0]["SoTien"] == str(FEE_VND))


@probe(Flaw.ORDER_REF_BY_SECOND, "vnpay", "dvcqg")
async def _(portal: Running, bank: str) -> bool:
    first, second = await portal.open(bank, "HS-1"), await portal.open(bank, "HS-2")
    return bool(first["order_ref"] != second["order_ref"])


@probe(Flaw.ORDER_TIME_IN_UTC, "vnpay")
async def _(portal: Running) -> bool:
    return "vnp_CreateDate=20261122120000" in (await portal.open("vnpay"))["url"]


@probe(Flaw.ORDER_TIME_IN_UTC, "dvcqg")
async def _(portal: Running) -> bool:
    await portal.open("dvcqg")
    return bool(portal.bank.asked[0]["ThoiGianGD"] == "20261122120000")


@probe(Flaw.ORDER_TIME_IN_12_HOURS, "vnpay")
async def _(portal: Running) -> bool:
    portal.later(hours=7)
    return "vnp_CreateDate=20261122190000" in (await portal.open("vnpay"))["url"]


@probe(Flaw.ORDER_TIME_IN_12_HOURS, "dvcqg")
async def _(portal: Running) -> bool:
    portal.later(hours=7)
    await portal.open("dvcqg")
    return bool(portal.bank.asked[0]["ThoiGianGD"] == "20261122190000")


@probe(Flaw.ORDER_REF_IN_12_HOURS, "vnpay", "dvcqg")
async def _(portal: Running, bank: str) -> bool:
    portal.later(hours=7)
    return "070000" not in (await portal.open(bank))["order_ref"]


@probe(Flaw.HUNDRED_FORGOTTEN, "vnpay")
async def _(portal: Running) -> bool:
    return f"vnp_Amount={FEE_VND * 100}&" in (await portal.open("vnpay"))["url"]


@probe(Flaw.DIACRITICS_SENT, "vnpay")
async def _(portal: Running) -> bool:
    text = parse_qs(urlsplit((await portal.open("vnpay"))["url"]).query)["vnp_OrderInfo"][0]
    return text.isascii() and text.replace(" ", "").isalnum()


@probe(Flaw.SECRET_IN_URL, "vnpay")
async def _(portal: Running) -> bool:
    return "SIMULATORSECRETKEY" not in unquote_plus((await portal.open("vnpay"))["url"])


@probe(Flaw.BILL_NOTICE_NEEDS_BANK_REF, "vietinbank")
async def _(portal: Running) -> bool:
    await tell(portal, "vietinbank", await portal.open("vietinbank"), bankTransId=None)
    return await is_paid_once(portal)


@probe(Flaw.BILL_DEBIT_IS_INCOME, "vietinbank")
async def _(portal: Running) -> bool:
    await tell(portal, "vietinbank", await portal.open("vietinbank"), transType="D")
    return await is_unpaid(portal)


@probe(Flaw.BILL_DEBIT_IS_INCOME, "sepay")
async def _(portal: Running) -> bool:
    await tell(portal, "sepay", await portal.open("sepay"), transferType="out")
    return await is_unpaid(portal)


@probe(Flaw.TRANSFER_TEXT_EXACT, "sepay")
async def _(portal: Running) -> bool:
    opened = await portal.open("sepay")
    await tell(portal, "sepay", opened, content=f"MBVCB.6960980.{opened['order_ref']}.CT tu 0011000994178")
    return await is_paid_once(portal)


@probe(Flaw.QR_ABOVE_LIMIT, "sepay")
async def _(portal: Running) -> bool:
    await portal.declare("HS-LARGE", 500_000_000)
    return "5409500000000" not in (await portal.open("sepay", "HS-LARGE"))["payload"]


@probe(Flaw.INQUIRY_OF_PAID_BILL_PAYABLE, "vietinbank")
async def _(portal: Running) -> bool:
    opened = await portal.open("vietinbank")
    await tell(portal, "vietinbank", opened)
    return code(await portal.post("vietinbank/inquiry", inquiry(opened["bill_code"]))) == "02"


@probe(Flaw.INQUIRY_OF_PAID_BILL_PAYABLE, "dvcqg")
async def _(portal: Running) -> bool:
    await tell(portal, "dvcqg", await portal.open("dvcqg"))
    return bool((await portal.post("dvcqg/lookup", {"MaHoSo": "HS-1"}))["error_code"] == 0)


@probe(Flaw.INQUIRY_UNSIGNED_ANSWERED, "vietinbank")
async def _(portal: Running) -> bool:
    opened = await portal.open("vietinbank")
    asked = inquiry(opened["bill_code"]) | {"signature": ""}
    return PAYER not in str(await portal.post("vietinbank/inquiry", asked))


@probe(Flaw.LOOKUP_TELLS_NAME, "dvcqg")
async def _(portal: Running) -> bool:
    await portal.declare()
    return PAYER not in str(await portal.post("dvcqg/lookup", {"MaHoSo": "HS-1"}))


@probe(Flaw.NOTICE_WITHOUT_AMOUNT, *ALL_BANKS)
async def _(portal: Running, bank: str) -> bool:
    await tell(portal, bank, await portal.open(bank))
    (message,) = (await portal.http.get("/api/dossiers/HS-1/notifications")).json()
    return "50.000 đ" in message["text"]


@probe(Flaw.REFUND_ABOVE_PAYMENT, "vnpay")
async def _(portal: Running) -> bool:
    await tell(portal, "vnpay", await portal.open("vnpay"))
    for _ in range(2):
        await portal.http.post("/api/dossiers/HS-1/refund", json={"amount_vnd": 30_000})
    return sum(int(asked["vnp_Amount"]) for asked in portal.bank.asked) <= FEE_VND * 100


@probe(Flaw.OTHER_ALGORITHM_ACCEPTED, "vnpay")
async def _(portal: Running) -> bool:
    signed, _, _ = vnpay_query(vnpay_fields((await portal.open("vnpay"))["order_ref"])).partition("&vnp_SecureHash=")
    outdated = hmac.digest(b"SIMULATORSECRETKEY0123456789ABCD", signed.encode(), "sha256").hex()
    await portal.vnpay_raw(f"{signed}&vnp_SecureHash={outdated}")
    return await is_unpaid(portal)


@probe(Flaw.OTHER_ALGORITHM_ACCEPTED, "dvcqg")
async def _(portal: Running) -> bool:
    true = confirm((await portal.open("dvcqg"))["order_ref"])
    signed = "|".join(str(true.get(name, "")) for name in CONFIRM_SIGNED.split())
    outdated = hmac.digest(b"demo-secret", signed.encode(), "sha256").hex()
    await portal.post("dvcqg/confirm", true | {"MaXacThuc": outdated})
    return await is_unpaid(portal)


@probe(Flaw.OTHER_ALGORITHM_ACCEPTED, "vietinbank")
async def _(portal: Running) -> bool:
    true = notice((await portal.open("vietinbank"))["bill_code"])
    key = serialization.load_pem_private_key(key_text("vietinbank_private.pem").encode(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    outdated = key.sign(joined(true, FLAT_NOTICE).encode(), padding.PKCS1v15(), hashes.SHA1())
    await portal.post("vietinbank/notice", true | {"signature": base64.b64encode(outdated).decode()})
    return await is_unpaid(portal)


@probe(Flaw.FIELDS_RUN_TOGETHER, "vnpay")
async def _(portal: Running) -> bool:
    query = vnpay_query(vnpay_fields((await portal.open("vnpay"))["order_ref"]))
    await portal.vnpay_raw(query.replace("&vnp_PayDate=", "%26vnp_PayDate%3D"))
    return await is_unpaid(portal)


@probe(Flaw.FIELDS_RUN_TOGETHER, "dvcqg")
async def _(portal: Running) -> bool:
    true = confirm((await portal.open("dvcqg"))["order_ref"])
    merged = f"{true['ThoiGianGD']}|{true['ThongTinGiaoDich']}"
    await portal.post("dvcqg/confirm", true | {"ThoiGianGD": merged, "ThongTinGiaoDich": ""})
    return await is_unpaid(portal)


@probe(Flaw.AMOUNT_READ_LOOSELY, *ALL_BANKS)
async def _(portal: Running, bank: str) -> bool:
    opened = await portal.open(bank)
    loose = {"vnpay": {"vnp_Amount": f"{FEE_VND}00.5"}, "dvcqg": {"SoTien": f"{FEE_VND}.5"}}
    await tell(portal, bank, opened, **loose.get(bank, {"amount": f"{FEE_VND}.5"}))
    return await is_unpaid(portal)


@probe(Flaw.RESULT_IGNORED, *ASKED_BANKS)
async def _(portal: Running, bank: str) -> bool:
    await failure(portal, bank, await portal.open(bank))
    return await is_unpaid(portal)


@probe(Flaw.CLEARED_SUSPICION_IGNORED, "vnpay")
async def _(portal: Running) -> bool:
    opened = await portal.open("vnpay")
    await tell(portal, "vnpay", opened, vnp_ResponseCode="07", vnp_TransactionStatus="07")
    await tell(portal, "vnpay", opened)
    return await is_paid_once(portal)


@probe(Flaw.FAILED_DOSSIER_CLOSED, *ASKED_BANKS)
async def _(portal: Running, bank: str) -> bool:
    await failure(portal, bank, await portal.open(bank))
    again = await portal.http.post("/api/dossiers/HS-1/payments", json={"bank": bank, "method": "redirect"})
    return again.is_success


def return_query(bank: str, opened: Json, **changes: str) -> str:
    """The address with which a payer comes back after success."""
    if bank == "vnpay":
        return f"/return/vnpay?{vnpay_query(vnpay_fields(opened['order_ref'], **changes))}"
    data = {"data": f"PAY_GD0001_{opened['order_ref']}", "responseCode": "00", "secureCode": "x"} | changes
    return f"/return/dvcqg?{urlencode(data)}"


@probe(Flaw.RETURN_ENDS_ORDER, *ASKED_BANKS)
async def _(portal: Running, bank: str) -> bool:
    opened = await portal.open(bank)
    await portal.http.get(return_query(bank, opened))
    await tell(portal, bank, opened)
    return await is_paid_once(portal)


@probe(Flaw.RETURN_BREAKS, *ASKED_BANKS)
async def _(portal: Running, bank: str) -> bool:
    return (await portal.http.get(f"/return/{bank}")).status_code == 200


@probe(Flaw.RETURN_UNESCAPED, *ASKED_BANKS)
async def _(portal: Running, bank: str) -> bool:
    name = "vnp_OrderInfo" if bank == "vnpay" else "secureCode"
    page = await portal.http.get(return_query(bank, await portal.open(bank), **{name: "<script>x</script>"}))
    return "<script>x" not in page.text


@probe(Flaw.QUERY_ERROR_IS_FAILURE, *ASKED_BANKS)
async def _(portal: Running, bank: str) -> bool:
    opened = await portal.open(bank)
    portal.bank.api = portal.bank.query = lambda asked: httpx.Response(500)
    await portal.run_jobs()
    await tell(portal, bank, opened)
    return await is_paid_once(portal)


@probe(Flaw.REFUSAL_TELLS_NAME, *ASKED_BANKS)
async def _(portal: Running, bank: str) -> bool:
    return PAYER not in str(await tell_signed(portal, bank, await portal.open(bank), lambda right: "0" * len(right)))


@probe(Flaw.BILL_TOLD_IN_HUNDREDTHS, "vietinbank")
async def _(portal: Running) -> bool:
    opened = await portal.open("vietinbank")
    told = await portal.post("vietinbank/inquiry", inquiry(opened["bill_code"]))
    return bool(told["amount"] == str(FEE_VND))


@probe(Flaw.BILL_RECORDS_NOT_READ, "vietinbank")
async def _(portal: Running) -> bool:
    opened = await portal.open("vietinbank")
    await portal.post("vietinbank/notice", records_notice(record(opened["bill_code"])))
    return await is_paid_once(portal)


@probe(Flaw.BILL_BY_TRANSFER_ONLY, "vietinbank")
async def _(portal: Running) -> bool:
    await tell(portal, "vietinbank", await portal.open("vietinbank"), transType="COLLECTION")
    return await is_paid_once(portal)


@probe(Flaw.INQUIRY_LOCKS_BILL, "vietinbank")
async def _(portal: Running) -> bool:
    asked = inquiry((await portal.open("vietinbank"))["bill_code"])
    answers = [await portal.post("vietinbank/inquiry", asked) for _ in range(2)]
    return [code(each) for each in answers] == ["00", "00"]


@probe(Flaw.FIELDS_AS_THEY_CAME, "vnpay")
async def _(portal: Running) -> bool:
    query = vnpay_query(vnpay_fields((await portal.open("vnpay"))["order_ref"]))
    await portal.vnpay_raw("&".join(reversed(query.split("&"))))
    return await is_paid_once(portal)


@probe(Flaw.REFERENCE_READ_AS_NUMBER, "vnpay")
async def _(portal: Running) -> bool:
    return code(await portal.vnpay("khong-co-don", FEE_VND)) == "01"


@probe(Flaw.TRANSFER_TEXT_IN_CAPITALS, "sepay")
async def _(portal: Running) -> bool:
    opened = await portal.open("sepay")
    await tell(portal, "sepay", opened, content=f"nop phi {opened['order_ref'].lower()}")
    return await is_paid_once(portal)


@probe(Flaw.TRANSFER_MATCHED_BY_AMOUNT, "sepay")
async def _(portal: Running) -> bool:
    await tell(portal, "sepay", await portal.open("sepay"), content="NGUYEN VAN A chuyen tien", code=None)
    return await is_unpaid(portal)


@probe(Flaw.TRANSFER_KNOWN_BY_ORDER, "sepay")
async def _(portal: Running) -> bool:
    opened = await portal.open("sepay")
    await tell(portal, "sepay", opened)
    await tell(portal, "sepay", opened, id=99)
    return bool((await portal.status())["refund_due_vnd"] == FEE_VND)


async def broken(portal: Running, part: str, *, down: bool = True) -> None:
    await portal.http.post(f"/api/outages/{part}", json={"down": down})


@probe(Flaw.BOOKS_ERROR_ACKED, *ALL_BANKS, "sepay")
async def _(portal: Running, bank: str) -> bool:
    opened = await portal.open(bank)
    await broken(portal, "books")
    return not is_done(await tell(portal, bank, opened))


@probe(Flaw.TURN_KEPT_AFTER_ERROR, *ALL_BANKS)
async def _(portal: Running, bank: str) -> bool:
    opened = await portal.open(bank)
    await broken(portal, "books")
    await tell(portal, bank, opened)
    await broken(portal, "books", down=False)
    await tell(portal, bank, opened)
    return await is_paid_once(portal)


@probe(Flaw.ISSUER_DOWN_FAILS_CALLBACK, "vnpay", "dvcqg")
async def _(portal: Running, bank: str) -> bool:
    opened = await portal.open(bank)
    await broken(portal, "receipts")
    return is_done(await tell(portal, bank, opened))


@probe(Flaw.RECEIPT_LOST_IN_OUTAGE, *ALL_BANKS, "sepay")
async def _(portal: Running, bank: str) -> bool:
    opened = await portal.open(bank)
    await broken(portal, "receipts")
    await tell(portal, bank, opened)
    await broken(portal, "receipts", down=False)
    await portal.run_jobs()
    return await is_paid_once(portal)


@probe(Flaw.OWED_RECEIPT_KEPT, *ALL_BANKS)
async def _(portal: Running, bank: str) -> bool:
    opened = await portal.open(bank)
    await broken(portal, "receipts")
    await tell(portal, bank, opened)
    await broken(portal, "receipts", down=False)
    for _ in range(2):
        await portal.run_jobs()
    return await is_paid_once(portal)


async def lock(portal: Running, *, locked: bool = True) -> None:
    await portal.http.post("/api/dossiers/HS-1/lock", json={"locked": locked})


@probe(Flaw.LOCKED_BILL_PAYABLE, "vietinbank")
async def _(portal: Running) -> bool:
    opened = await portal.open("vietinbank")
    await lock(portal)
    return code(await portal.post("vietinbank/inquiry", inquiry(opened["bill_code"]))) == "02"


@probe(Flaw.UNLOCKING_FORGOTTEN, "vietinbank")
async def _(portal: Running) -> bool:
    opened = await portal.open("vietinbank")
    await lock(portal)
    await lock(portal, locked=False)
    return code(await portal.post("vietinbank/inquiry", inquiry(opened["bill_code"]))) == "00"


@probe(Flaw.LOCKED_MONEY_DROPPED, *ALL_BANKS)
async def _(portal: Running, bank: str) -> bool:
    opened = await portal.open(bank)
    await lock(portal)
    await tell(portal, bank, opened)
    return await is_paid_once(portal)


SHOWN = list(PROBES)
"""What is probed message by message. The suite proves that each defect shows at each of its banks: test_defects.py."""


def test_every_flaw_is_in_the_catalogue_once() -> None:
    assert sorted(defect.name for defect in DEFECTS) == sorted(Flaw)


def test_probes_are_of_defects_where_they_show() -> None:
    assert set(SHOWN) <= {(defect.flaw, bank) for defect in DEFECTS for bank in defect.banks}


def test_every_flaw_guards_against_something_seen_in_the_field() -> None:
    numbers = [guard for defect in DEFECTS for guard in defect.guards]
    assert all(re.fullmatch(r"(egov|gateways) D\d+b?|banks 6\.\d+", number) for number in numbers)
    assert all(defect.guards and defect.says for defect in DEFECTS)


def test_every_flaw_is_a_branch_somewhere() -> None:
    folder = Path(portal_package.__path__[0])
    source = "".join(path.read_text() for path in folder.rglob("*.py") if path.name != "defects.py")
    assert [flaw.name for flaw in Flaw if f"Flaw.{flaw.name}" not in source] == []


@pytest.mark.parametrize(("flaw", "bank"), SHOWN, ids=str)
async def test_a_correct_portal_passes_the_probe(tmp_path: Path, flaw: Flaw, bank: str) -> None:
    async with running(tmp_path) as portal:
        assert await PROBES[flaw, bank](portal)


@pytest.mark.parametrize(("flaw", "bank"), SHOWN, ids=str)
async def test_the_defect_shows(tmp_path: Path, flaw: Flaw, bank: str) -> None:
    async with running(tmp_path, flaw) as portal:
        try:
            assert not await PROBES[flaw, bank](portal)
        except AssertionError:
            assert flaw in (Flaw.REFUSAL_IS_HTTP_500, Flaw.REDIRECT_AS_ACK)


@pytest.mark.parametrize(("flaw", "bank"), SHOWN, ids=str)
async def test_an_ordinary_payment_goes_well_in_spite_of_the_defect(tmp_path: Path, flaw: Flaw, bank: str) -> None:
    """A defect is one mistake in one place, not a portal that does nothing."""
    async with running(tmp_path, flaw) as portal:
        opened = await portal.open(bank)
        answer = tell(portal, bank, opened)
        if flaw is Flaw.REDIRECT_AS_ACK:
            with pytest.raises(AssertionError):
                await answer
        else:
            assert is_done(await answer)
        status = await portal.status()
    assert (status["status"], status["amount_paid_vnd"], status["receipts"]) == ("paid", FEE_VND, 1)


async def test_defects_are_switched_while_the_portal_runs(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        wanted = {"names": ["amount_not_compared"]}
        assert (await portal.http.post("/api/defects", json=wanted)).json() == wanted
        await portal.vnpay((await portal.open("vnpay"))["order_ref"], 1)
        assert (await portal.status())["status"] == "paid"
        unknown = await portal.http.post("/api/defects", json={"names": ["nonsense"]})
        assert unknown.status_code == 422
        assert (await portal.http.post("/api/defects", json={"names": []})).json() == {"names": []}


def test_an_unknown_defect_is_named() -> None:
    with pytest.raises(ValueError, match="no defect is called nonsense"):
        named(["nonsense", "either_code"])
