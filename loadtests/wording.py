"""The words of a rehearsal's report, in Vietnamese and English."""

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

NAMES: dict[str, Words] = {
    "open": ("Mở khoản nộp", "Opening a payment"),
    "open 2": ("Mở khoản nộp", "Opening a payment"),
    "page": ("Trang của ngân hàng", "The bank's page"),
    "return": ("Quay về cổng", "Coming back to the portal"),
    "status": ("Hỏi trạng thái", "Asking for the status"),
    "paid": ("Từ lúc nộp đến khi hồ sơ được ghi nhận", "From the payment until the dossier is paid"),
    CALLBACK: ("Xác nhận thông báo của ngân hàng", "Acknowledging the bank's callback"),
    LAG: ("Từ lúc nộp đến khi ngân hàng được xác nhận", "From the payment until the bank has its acknowledgement"),
}
