"""Every bank disappears at noon, comes back, and sends all that it could not send, twice."""

from loadtests.scenario import Scenario, Trouble, payers_of

SCENARIO = Scenario(
    name="outage_and_burst",
    says="Every bank disappears at noon, comes back, and sends all that it could not send, twice.",
    says_vi="Mọi ngân hàng mất kết nối giữa trưa, rồi trở lại và gửi dồn mọi thông báo, mỗi thông báo hai lần.",
    troubles=(
        Trouble(
            says="no bank answers, and none can tell what was paid",
            says_vi="không ngân hàng nào trả lời hay báo được khoản đã nộp",
            begins=0.4,
            ends=0.6,
            faults=(
                ("connection_reset", {"times": 0}),
                ("burst", {"times": 0, "delay_s": 30}),
                ("duplicate", {"times": 0, "copies": 2, "at_once": True}),
            ),
        ),
    ),
)
Payers = payers_of(SCENARIO)
