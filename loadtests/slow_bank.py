"""Banks answer slowly, some very slowly, and tell late."""

from loadtests.scenario import Scenario, Trouble, payers_of

SCENARIO = Scenario(
    name="slow_bank",
    says="Banks answer slowly, some very slowly, and tell late.",
    says_vi="Ngân hàng trả lời chậm, có lúc rất chậm, và báo muộn.",
    troubles=(
        Trouble(
            says="banks answer after a second, some after ten, and tell five seconds late",
            says_vi="ngân hàng trả lời sau một giây, có khi mười giây, và báo muộn năm giây",
            begins=0.2,
            ends=0.9,
            faults=(
                ("latency_lognormal", {"times": 0, "delay_s": 1, "spread": 1, "delay_max_s": 15}),
                ("delay", {"times": 0, "delay_s": 5}),
            ),
        ),
    ),
)
Payers = payers_of(SCENARIO)
