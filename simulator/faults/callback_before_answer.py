"""The payer is served at once: the callback arrives before the create (or inquiry) was answered."""

from simulator.faults.kind import PayerFault

FAULT = PayerFault(
    kind="callback_before_answer",
    number=80,
    en="the callback arrives before the create (or the inquiry) was answered",
    vi="người nộp trả tiền ngay: callback tới trước khi lệnh tạo (hoặc vấn tin) được trả lời",
    rushes=True,
)
