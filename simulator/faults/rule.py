"""What a test asks for: one rule that says which fault strikes where and how often, with its settings. Pure values."""

from datetime import datetime

import msgspec

from simulator.maintenance import Window, parse_window

CALLBACK = "callback"
"""The operation of the bank's message to the connector. Others: "create", "query", "refund", "inquiry", "receipt"."""

PAY = "pay"
"""The operation of what a payer does."""

RETURN = "return"
"""The operation of the payer's browser that goes back."""

REFUND = "refund"
"""The operation of a refund that a connector asks for."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One rule. Empty `bank`, `operation`, `merchant_code`, `order_ref` match all.

    `skip` matching occasions pass unharmed first; then `times` are hit (0 = for ever), each with `probability`. With a
    `limit`, so many occasions pass in each window of `window_s` seconds of the sandbox's clock. With `hours`
    ("23:00-01:00", Vietnam's time) it strikes in those alone.
    `operation` says which exchange. Empty means what the fault's side usually means: the callback, the payer's deed,
    or for the bank's answers what the bank's shape starts with ("create"; at bill collection the "callback" for what
    can break that too, else any answer). FORGED_SIGNATURE and WRONG_AMOUNT with "query" distort the bank's answer to
    a status query. What follows are settings; each fault's file names those that it reads.
    """

    fault_id: str
    kind: str
    bank: str = ""
    operation: str = ""
    merchant_code: str = ""
    order_ref: str = ""
    skip: int = 0
    times: int = 1
    probability: float = 1.0
    delay_s: float = 60
    copies: int = 2
    at_once: bool = False
    amount_delta_vnd: int = -1
    limit: int = 0
    window_s: int = 60
    hours: str = ""
    delay_max_s: float = 0
    spread: float = 1.0
    status: int = 502
    size_bytes: int = 16 * 1024 * 1024
    window: int = 0
    """Of `limit`: the window last seen, and how many have passed in it."""
    passed: int = 0
    struck_ref: str = ""
    """Of `probability`: the order that it last struck, and how often in a row. Its next try has a chance of its own."""
    struck_times: int = 0


SETTINGS: dict[str, tuple[str, str]] = {
    "delay_s": ("seconds", "giây"),
    "delay_max_s": ("seconds at most, of a drawn delay; 0 = 600", "số giây tối đa của độ trễ ngẫu nhiên; 0 = 600"),
    "spread": (
        "how far drawn delays lie apart: sigma (lognormal), or the shape, small = wilder (pareto)",
        "độ phân tán của độ trễ: sigma (lognormal), hoặc hệ số hình dạng, càng nhỏ càng thất thường (pareto)",
    ),
    "copies": ("how often it comes in all", "tổng số lần tới"),
    "at_once": ("all at the same moment", "tất cả cùng một lúc"),
    "amount_delta_vnd": ("dong added to the amount told", "số đồng cộng vào số tiền được báo"),
    "status": ("HTTP status, 500 to 504", "mã HTTP, từ 500 đến 504"),
    "size_bytes": ("bytes, unpacked; at most 64 MiB", "số byte sau khi giải nén; tối đa 64 MiB"),
    "limit": ("so many pass in each window", "số yêu cầu được qua trong mỗi khoảng thời gian"),
    "window_s": ("seconds of a window", "độ dài khoảng thời gian, tính bằng giây"),
    "hours": (
        "only in these hours of Vietnam's time, such as 23:00-01:00",
        "chỉ trong những giờ này theo giờ Việt Nam, ví dụ 23:00-01:00",
    ),
}
"""What each setting means, in English and Vietnamese."""


def window_of(fault: Fault) -> Window | None:
    """The hours in which it strikes; None = in all. Raises ValueError."""
    return parse_window(fault.hours)


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """Where a fault might strike. `usual` = the exchange that a rule without an operation means at this bank.

    `orders` = connectors make the orders at this bank. `at` is the sandbox's time, None = it plays no part.
    """

    bank: str
    operation: str
    merchant_code: str = ""
    order_ref: str = ""
    usual: bool = True
    orders: bool = True
    at: datetime | None = None
