"""The national platform: INIT, QUERY and GET_BILL, signed by code of the tests' own."""

import hashlib
import json
from datetime import datetime

from simulator.clock import compact
from simulator.wire import Request
from tests.samples.sample import JSON_HEADERS, Sample

DVCQG_SECRET = "demo-secret"


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


def answer(method: str, path: str, body: bytes) -> dict[str, str]:
    told = json.loads(body)
    kept = {name: str(told[name]) for name in ("MaDoiTac", "MaThamChieu", "ThoiGianGD", "MaXacThuc")}
    return {"MaLoi": "00", "MoTaLoi": "Thành công", **kept}


SAMPLE = Sample("DEMO", dvcqg_init, dvcqg_query, lambda ref, now: [dvcqg_query(ref, now, kind="GET_BILL")])
