"""What the national platform wants to know of a fee (ThongTinBienLai), and the fee lookup, which anyone may call.

Rule: whoever looks a fee up learns what is owed and for what, and nothing of the person who owes it.
"""

from typing import Any

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Dossier
from conformance.targets.portal.moments import is_compact
from conformance.targets.portal.services import Service

# The beneficiary of each province's fees: test data, for the platform wants to know where the money goes.
_ACCOUNTS = {
    "H49": ("0141000000049", "VCB", "Trung tâm Phục vụ hành chính công tỉnh Quảng Ninh"),
    "H17": ("1190000000017", "CTG", "Trung tâm Phục vụ hành chính công thành phố Đà Nẵng"),
}

# dvcqg-opencps#receipt: nine zeros stand for an identity number that is not told.
_NOBODY = {
    "HoTenNguoiNop": "",
    "SoCMNDNguoiNop": "000000000",
    "DiaChiNguoiNop": "",
    "HuyenNguoiNop": "",
    "TinhNguoiNop": "",
}


def receipt_details(dossier: Dossier, service: Service, amount_vnd: int) -> dict[str, Any]:
    """ThongTinBienLai of a fee: its sums are the order's amount."""
    account, bank_code, holder = _ACCOUNTS[dossier.province]
    fine = (
        *("MaLoaiHinhThuPhat", "TenLoaiHinhThuPhat", "MaCoQuanQD", "TenCoQuanQD", "KhoBac", "NgayQD", "SoQD"),
        *("ThoiGianViPham", "DiaDiemViPham", "TenNguoiViPham", "TaiKhoanThuNSNN"),
    )
    return {
        "MaDichVu": "2",
        "MaDVC": f"{service.procedure_code}.01" if service.procedure_code else "",
        "TenDVC": service.name[:250],
        "MaTTHC": service.procedure_code,
        "TenTTHC": service.name[:250],
        "MaDonVi": f"000.00.00.{dossier.province}",
        "TenDonVi": service.agency,
        "MaHoSo": dossier.dossier_code,
        "TKThuHuong": account,
        "MaNHThuHuong": bank_code,
        "TenTKThuHuong": holder,
        **dict.fromkeys(fine, ""),
        "NoiDungThanhToan": f"Lệ phí hồ sơ {dossier.dossier_code}",
        **_NOBODY,
        "HoTenNguoiNop": dossier.applicant,
        "PhiLePhi": [
            {"LoaiPhiLePhi": "2", "MaPhiLePhi": service.code, "TenPhiLePhi": service.name, "SoTien": str(amount_vnd)}
        ],
        "DSKhoanNop": [{"NoiDung": service.name, "SoTien": str(amount_vnd)}],
    }


def answer_lookup(
    dossier: Dossier | None, service: Service | None, payable: bool, now: str, flaws: frozenset[Flaw]
) -> dict[str, Any]:
    """The fee lookup, which anyone may call: what is owed and for what, and nothing about whom."""
    # dvcqg-opencps#lookup: 1 payable, 0 nothing to pay, -1 not found.
    if dossier is None or service is None:
        return {"error_code": -1, "message": []}
    if not payable and Flaw.INQUIRY_OF_PAID_BILL_PAYABLE not in flaws:
        return {"error_code": 0, "message": []}
    details = receipt_details(dossier, service, dossier.fee_vnd)
    if Flaw.LOOKUP_TELLS_NAME not in flaws:
        details |= _NOBODY
    if Flaw.LOOKUP_TELLS_PHONE in flaws:
        details |= {"DienThoai": dossier.phone}
    return {"error_code": 1, "message": {"MaTraCuuTT": f"{dossier.dossier_code}{now}", **details}}


def looked_up(reference: str) -> str:
    """The dossier code in the reference that the fee lookup gave out, "" if it is none."""
    # dvcqg-opencps#lookup: MaHoSo and yyyyMMddHHmmss; that it comes back as MaThamChieu is assumed.
    dossier_code, time = reference[:-14], reference[-14:]
    return dossier_code if is_compact(time) else ""
