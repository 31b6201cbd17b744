"""The words of a rehearsal's report, in Vietnamese and English."""

from loadtests.day_files import FILE, HAND_IN
from loadtests.files_audit import Flaw
from loadtests.judging import Fate
from loadtests.telling import CALLBACK, LAG

Words = tuple[str, str]

FATES: dict[Fate, Words] = {
    Fate.SETTLED_ONCE: ("đã ghi nhận đúng một lần", "settled once"),
    Fate.NOT_PAID: ("chưa nộp", "not paid"),
    Fate.REFUND_DUE: ("ghi nhận, phần thừa chờ hoàn", "settled, the rest flagged for refund"),
    Fate.STUCK: ("còn treo", "stuck"),
    Fate.LOST: ("mất", "lost"),
    Fate.DOUBLED: ("ghi hai lần", "doubled"),
    Fate.WRONG_AMOUNT: ("sai số tiền", "wrong amount"),
    Fate.PHANTOM: ("khống: không có tiền ở ngân hàng", "phantom: no money at the bank"),
    Fate.REFUND_TWICE: ("hoàn tiền hai lần", "refund paid twice"),
}

FLAWS: dict[Flaw, Words] = {
    Flaw.MISSING: ("thiếu trong tệp", "missing in the file"),
    Flaw.TWICE: ("có hai dòng", "there twice"),
    Flaw.WRONG_AMOUNT: ("sai số tiền", "wrong amount"),
    Flaw.WRONG_REFUND: ("sai số tiền hoàn", "another sum given back"),
    Flaw.WRONG_DAY: ("sai ngày giao dịch", "of another business day"),
    Flaw.NOBODYS: ("không của khoản nào", "of no payment"),
    Flaw.UNREADABLE: ("không đọc được", "cannot be read"),
    Flaw.UNBOOKED: ("đã báo nộp nhưng ngân hàng không ghi sổ", "told to be paid, not in the bank's ledger"),
}

OBJECTIVES: dict[str, Words] = {
    **{fate.value: words for fate, words in FATES.items()},
    "files": ("dòng sai trong tệp đối soát", "wrong rows in the banks' files"),
    "hand in": ("tệp nạp cuối cùng không được trả lời", "files handed in at the end and not answered"),
}

NAMES: dict[str, Words] = {
    "open": ("Mở khoản nộp", "Opening a payment"),
    "open 2": ("Mở khoản nộp", "Opening a payment"),
    "page": ("Trang của ngân hàng", "The bank's page"),
    "return": ("Quay về cổng", "Coming back to the portal"),
    "status": ("Hỏi trạng thái", "Asking for the status"),
    "paid": ("Từ lúc nộp đến khi hồ sơ được ghi nhận", "From the payment until the dossier is paid"),
    FILE: ("Lấy tệp đối soát của ngân hàng", "Fetching a bank's file"),
    HAND_IN: ("Nạp tệp đối soát vào bộ kết nối", "Handing a file in at the connector"),
    "refund": ("Hoàn tiền", "Giving the fee back"),
    CALLBACK: ("Xác nhận thông báo của ngân hàng", "Acknowledging the bank's callback"),
    LAG: ("Từ lúc nộp đến khi ngân hàng được xác nhận", "From the payment until the bank has its acknowledgement"),
}
