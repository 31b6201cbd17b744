"""The report's own words in Vietnamese and English."""

from conformance.requirement import Area, Level
from conformance.results import Judgement, Verdict

Words = tuple[str, str]
"""(Vietnamese, English)"""

JUDGEMENTS: dict[Judgement, Words] = {
    Judgement.CONFORMANT: ("ĐẠT", "CONFORMANT"),
    Judgement.NOT_CONFORMANT: ("KHÔNG ĐẠT", "NOT CONFORMANT"),
    Judgement.UNJUDGED: ("CHƯA THỂ KẾT LUẬN", "COULD NOT JUDGE"),
}

VERDICTS: dict[Verdict, Words] = {
    Verdict.PASSED: ("đạt", "passed"),
    Verdict.FAILED: ("không đạt", "failed"),
    Verdict.BROKEN: ("lỗi của bộ kiểm thử", "broken test"),
    Verdict.NOT_APPLICABLE: ("không áp dụng", "not applicable"),
}

MARKS: dict[Verdict, str] = {
    Verdict.PASSED: "✓",
    Verdict.FAILED: "✗",
    Verdict.BROKEN: "!",
    Verdict.NOT_APPLICABLE: "–",
}

LEVELS: dict[Level, Words] = {
    Level.MUST: ("BẮT BUỘC", "MUST"),
    Level.SHOULD: ("NÊN", "SHOULD"),
    Level.MAY: ("CÓ THỂ", "MAY"),
    Level.TENTATIVE: ("TẠM THỜI", "TENTATIVE"),
}

AREAS: dict[Area, Words] = {
    Area.ORDER: ("Lập lệnh thanh toán", "Payment orders"),
    Area.SIGNATURE: ("Chữ ký", "Signatures"),
    Area.MONEY: ("Số tiền", "Money"),
    Area.OUTCOME: ("Kết quả giao dịch", "Outcomes"),
    Area.DUPLICATE: ("Thông báo trùng lặp", "Duplicates"),
    Area.ORDERING: ("Thứ tự thông báo", "Ordering"),
    Area.RETURN: ("Trình duyệt quay về", "The browser's return"),
    Area.ACKNOWLEDGEMENT: ("Trả lời ngân hàng", "Acknowledgements"),
    Area.QUERY: ("Truy vấn giao dịch", "Queries"),
    Area.BILL: ("Thu hộ theo mã", "Bill collection"),
    Area.QR: ("Mã QR", "QR codes"),
    Area.REFUND: ("Hoàn tiền", "Refunds"),
    Area.RECONCILIATION: ("Đối soát", "Reconciliation"),
    Area.RESILIENCE: ("Khi có sự cố", "Resilience"),
    Area.NOTICE: ("Báo cho người nộp", "Notices to the payer"),
    Area.PRIVACY: ("Dữ liệu cá nhân", "Privacy"),
    Area.HISTORY: ("Chuỗi sự kiện ngẫu nhiên", "Random histories"),
}
