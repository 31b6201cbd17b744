"""eTax: opening, confirmation, feedback and receipts, signed by code of the tests' own."""

import base64
import hashlib
import json
from datetime import datetime, timedelta
from functools import cache
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from simulator.clock import compact
from simulator.merchants import default_merchants
from simulator.wire import Request
from tests.samples.sample import JSON_HEADERS, Sample

ETAX_SECRET = "etax-demo-secret"
CERTIFICATES = base64.b64encode(b"a certificate that nobody reads").decode()


@cache
def _partner_key() -> rsa.RSAPrivateKey:
    (merchant,) = (each for each in default_merchants() if each.bank == "etax")
    key = serialization.load_pem_private_key(merchant.secrets["partner_private_key"].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def etax_ref(ref: str) -> str:
    """References have letters and digits only."""
    return ref.replace("-", "")


def etax_sealed(path: str, data: object, digest: hashes.HashAlgorithm | None = None) -> Request:
    text = base64.b64encode(json.dumps(data, ensure_ascii=False).encode())
    signature = _partner_key().sign(text, padding.PKCS1v15(), digest or hashes.SHA256())
    sealed = {"value": base64.b64encode(signature).decode(), "certificates": CERTIFICATES}
    body = json.dumps({"duLieu": text.decode(), "signature": sealed}).encode()
    return Request("POST", f"/api/v1{path}", headers=JSON_HEADERS, body=body)


def etax_data(ref: str, amount_vnd: int, now: datetime, **changes: object) -> dict[str, object]:
    return {
        "maDoiTac": "ETAX",
        "maThamChieu": etax_ref(ref),
        "soTien": str(amount_vnd),
        "phiChuyenPhat": "0",
        "ngonNgu": "vi-VN",
        "maTienTe": "VND",
        "thongTinGiaoDich": f"Nop thue {ref}",
        "thoiGianGD": compact(now),
        "maNganHang": "LPB",
        "phuongThuc": "ACCOUNT",
        "soTaiKhoan_The": "100000000001",
        "ewalletToken": "TOKEN0001",
        "ThongTinBienLai": {
            "maDichVu": "1",
            "maHoSo": "H49.12.6-261122-0001",
            "tkthuHuong": "7111",
            "mst": "0100000000",
            "hoTenNguoiNop": "Nguyễn Văn A",
            "diaChiNguoiNop": "Hạ Long",
            "tenCoQuanQD": "Chi cục Thuế khu vực Hạ Long",
            "khoBac": "2411",
            "soQD": "QD1",
            "phiLePhi": [{"loaiPhiLePhi": "1", "maPhiLePhi": "T1", "tenPhiLePhi": "Thuế đất", "soTien": amount_vnd}],
            "dskhoanNop": [{"noiDung": "Thuế đất", "soTien": str(amount_vnd)}],
        },
        **changes,
    }


def etax_link_payer(path: str = "/link-payer-info", **changes: object) -> Request:
    data = {
        "MaDoiTac": "ETAX",
        "Loai": "OPEN",
        "Mst": "0100000000",
        "Ten_nnt": "Nguyễn Văn A",
        "LoaiGiayTo": "CCCD",
        "SoGiayTo": "022090000001",
        "DienThoai": "84912345678",
        "PhuongThuc": "ACCOUNT",
        "SoTaiKhoan_The": "100000000001",
        "NgayPhatHanh": "",
        "Email": "",
        "EwalletToken": "",
    }
    return etax_sealed(path, {**data, **changes})


def etax_init(ref: str, amount_vnd: int, now: datetime, **changes: object) -> Request:
    return etax_sealed("/init-payment", etax_data(ref, amount_vnd, now, **changes))


def etax_confirm(number: str, otp: str = "123456", **changes: str) -> Request:
    return etax_sealed("/confirm-transaction", {"Magiaodich": number, "OTP": otp, "loaiOTP": "SMSOTP", **changes})


def etax_feedback(ref: str, ordered_at: datetime, request_ref: str) -> Request:
    return etax_sealed("/feedback-transaction", {"tthai": "00", "mota": "OK", "maThamChieu": etax_ref(ref)})


def etax_print(ref: str, now: datetime, **changes: str) -> Request:
    fields = {"MaDoiTac": "ETAX", "MaThamChieu": etax_ref(ref), "ThoiGianGD": compact(now)}
    code = hashlib.sha256("|".join((*fields.values(), ETAX_SECRET)).encode()).hexdigest()
    body = json.dumps({**fields, "MaXacThuc": code, **changes}).encode()
    return Request("POST", "/api/v1/print-receipt", headers=JSON_HEADERS, body=body)


def etax_link(ref: str, now: datetime) -> Request:
    fields = {"MaDoiTac": "ETAX", "MaThamChieu": etax_ref(ref), "HetHan": compact(now + timedelta(minutes=5))}
    code = hashlib.sha256("|".join(("get-receipt", *fields.values(), ETAX_SECRET)).encode()).hexdigest()
    return Request("GET", f"/api/v1/get-receipt/{code}", urlencode(fields).encode())


def etax_others(ref: str, now: datetime) -> list[Request]:
    linking = [etax_link_payer(), etax_link_payer("/verify-payer-info")]
    return [*linking, etax_confirm("12345678901234"), etax_print(ref, now), etax_link(ref, now)]


def answer(method: str, path: str, body: bytes) -> str:
    return "OK"


SAMPLE = Sample("ETAX", etax_init, etax_feedback, etax_others, named=etax_ref)
