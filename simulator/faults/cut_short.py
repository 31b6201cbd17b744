"""The connection of a callback is closed in the middle of its body; the bank tries again."""

from simulator.faults.kind import Break, CallbackFault

FAULT = CallbackFault(
    kind="cut_short",
    number=57,
    en="the connection drops in the middle of the callback's body; the bank tries again",
    vi="kết nối bị đứt giữa chừng phần thân của callback; ngân hàng gửi lại",
    breaks=Break.CUT,
)
