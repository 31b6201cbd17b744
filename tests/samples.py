"""Well-formed messages to each bank, signed by code of the tests' own, for tests that hold for every bank."""

import base64
import hashlib
import hmac
import json
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from simulator.clock import compact
from simulator.merchants import default_merchants
from simulator.wire import Request

VNPAY_SECRET = "SIMULATORSECRETKEY0123456789ABCD"
DVCQG_SECRET = "demo-secret"

JSON_HEADERS = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Sample:
    """How a connector speaks to one bank: requests for an order, as raw messages, and a good acknowledgement."""

    merchant_code: str
    create: Callable[[str, int, datetime], Request]
    query: Callable[[str, datetime, str], Request]


def vnpay_pay(ref: str, amount_vnd: int, now: datetime, **changes: str) -> Request:
    fields = {
        "vnp_Amount": str(amount_vnd * 100),
        "vnp_Command": "pay",
        "vnp_CreateDate": compact(now),
        "vnp_CurrCode": "VND",
        "vnp_IpAddr": "127.0.0.1",
        "vnp_Locale": "vn",
        "vnp_OrderInfo": f"Nop le phi {ref}",
        "vnp_OrderType": "other",
        "vnp_ReturnUrl": "http://portal.test/return/vnpay",
        "vnp_TmnCode": "DEMOV210",
        "vnp_TxnRef": ref,
        "vnp_Version": "2.1.0",
        **changes,
    }
    query = urllib.parse.urlencode(sorted(fields.items()))
    signature = hmac.digest(VNPAY_SECRET.encode(), query.encode(), "sha512").hex()
    return Request("GET", "/paymentv2/vpcpay.html", f"{query}&vnp_SecureHash={signature}".encode())


def vnpay_querydr(ref: str, ordered_at: datetime, request_ref: str) -> Request:
    fields = {
        "vnp_RequestId": request_ref,
        "vnp_Version": "2.1.0",
        "vnp_Command": "querydr",
        "vnp_TmnCode": "DEMOV210",
        "vnp_TxnRef": ref,
        "vnp_TransactionDate": compact(ordered_at),
        "vnp_CreateDate": compact(ordered_at),
        "vnp_IpAddr": "127.0.0.1",
        "vnp_OrderInfo": "Truy van",
    }
    text = "|".join(fields.values())
    signature = hmac.digest(VNPAY_SECRET.encode(), text.encode(), "sha512").hex()
    body = json.dumps({**fields, "vnp_SecureHash": signature}).encode()
    return Request("POST", "/merchant_webapi/api/transaction", headers=JSON_HEADERS, body=body)


def vnpay_refund(ref: str, ordered_at: datetime, request_ref: str, amount_vnd: int, kind: str = "02") -> Request:
    fields = {
        "vnp_RequestId": request_ref,
        "vnp_Version": "2.1.0",
        "vnp_Command": "refund",
        "vnp_TmnCode": "DEMOV210",
        "vnp_TransactionType": kind,
        "vnp_TxnRef": ref,
        "vnp_Amount": str(amount_vnd * 100),
        "vnp_TransactionNo": "",
        "vnp_TransactionDate": compact(ordered_at),
        "vnp_CreateBy": "admin",
        "vnp_CreateDate": compact(ordered_at),
        "vnp_IpAddr": "127.0.0.1",
        "vnp_OrderInfo": "Hoan tien",
    }
    signature = hmac.digest(VNPAY_SECRET.encode(), "|".join(fields.values()).encode(), "sha512").hex()
    body = json.dumps({**fields, "vnp_SecureHash": signature}).encode()
    return Request("POST", "/merchant_webapi/api/transaction", headers=JSON_HEADERS, body=body)


def _dvcqg_signed(fields: dict[str, str]) -> dict[str, str]:
    text = "|".join((*fields.values(), DVCQG_SECRET))
    return {**fields, "MaXacThuc": hashlib.sha256(text.encode()).hexdigest()}


def dvcqg_init(ref: str, amount_vnd: int, now: datetime) -> Request:
    signed = _dvcqg_signed(
        {
            "LoaiBanTin": "INIT",
            "PhienBan": "1.0.6",
            "MaDoiTac": "DEMO",
            "MaThamChieu": ref,
            "SoTien": str(amount_vnd),
            "LoaiHinhThanhToan": "PAY",
            "MaKenhThanhToan": "1",
            "MaThietBi": "1",
            "NgonNgu": "vi-VN",
            "MaTienTe": "VND",
            "MaNganHang": "PAYMENT",
            "ThongTinGiaoDich": f"THANH TOAN HO SO {ref}",
            "ThoiGianGD": compact(now),
            "Ip": "10.0.0.1",
        }
    )
    receipt = {
        "MaDichVu": "2",
        "MaDVC": "1.004194.01",
        "TenDVC": "Đăng ký tạm trú",
        "MaTTHC": "1.004194",
        "TenTTHC": "Đăng ký tạm trú",
        "MaDonVi": "000.00.00.H49",
        "TenDonVi": "Công an tỉnh Quảng Ninh",
        "MaHoSo": f"H49.12.6-261122-{ref[-4:]}",
        "TKThuHuong": "0011000000001",
        "MaNHThuHuong": "VCB",
        "TenTKThuHuong": "KHO BAC QUANG NINH",
        "HoTenNguoiNop": "Nguyễn Văn A",
        "SoCMNDNguoiNop": "000000000",
        "PhiLePhi": [{"LoaiPhiLePhi": "2", "MaPhiLePhi": "LP1", "TenPhiLePhi": "Lệ phí", "SoTien": str(amount_vnd)}],
        "DSKhoanNop": [{"NoiDung": "Lệ phí", "SoTien": str(amount_vnd)}],
    }
    body = json.dumps({**signed, "ThongTinBienLai": receipt}, ensure_ascii=False).encode()
    return Request("POST", "/payment/init", headers=JSON_HEADERS, body=body)


def dvcqg_query(ref: str, ordered_at: datetime, request_ref: str = "", kind: str = "QUERY") -> Request:
    fields = {
        "LoaiBanTin": kind,
        "PhienBan": "1.0.6",
        "MaDoiTac": "DEMO",
        "MaThamChieu": ref,
        "ThoiGianGD": compact(ordered_at),
    }
    body = json.dumps(_dvcqg_signed(fields)).encode()
    return Request("POST", f"/payment/{'query' if kind == 'QUERY' else 'bill'}", headers=JSON_HEADERS, body=body)


SAMPLES = {
    "vnpay": Sample("DEMOV210", vnpay_pay, vnpay_querydr),
    "dvcqg": Sample("DEMO", dvcqg_init, dvcqg_query),
}


def vnpay_answer(method: str, path: str, body: bytes) -> dict[str, str]:
    return {"RspCode": "00", "Message": "Confirm Success"}


def dvcqg_answer(method: str, path: str, body: bytes) -> dict[str, str]:
    told = json.loads(body)
    kept = {name: str(told[name]) for name in ("MaDoiTac", "MaThamChieu", "ThoiGianGD", "MaXacThuc")}
    return {"MaLoi": "00", "MoTaLoi": "Thành công", **kept}


BILL_AMOUNT_VND = 20_000


def vietinbank_answer(method: str, path: str, body: bytes) -> dict[str, str]:
    """To an inquiry: a bill of BILL_AMOUNT_VND; to a notice: 00. Signed by the biller."""
    asked = json.loads(body)
    if "amount" in asked:
        said = {"transId": asked["transId"], "errorCode": "00", "errorDesc": "OK"}
        signed = ("transId", "errorCode", "errorDesc")
    else:
        said = {
            **{name: asked[name] for name in ("transId", "channelId", "transTime", "transType", "custCode")},
            "custName": "NGUYEN VAN A",
            "billId": "B1",
            "billTerm": "112026",
            "amount": str(BILL_AMOUNT_VND),
            "errorCode": "00",
        }
        signed = tuple(said)
    (merchant,) = (each for each in default_merchants() if each.bank == "vietinbank")
    text = "".join(said[name] for name in signed)
    key = serialization.load_pem_private_key(merchant.secrets["biller_private_key"].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    signature = base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    return {**said, "providerId": asked["providerId"], "signature": signature}


ANSWERS: dict[str, Callable[[str, str, bytes], dict[str, str]]] = {
    "vnpay": vnpay_answer,
    "dvcqg": dvcqg_answer,
    "vietinbank": vietinbank_answer,
}
"""What a sound connector answers to each bank's messages."""
