"""Banks tell everything five times at once."""

from loadtests.scenario import Scenario, Trouble, payers_of

SCENARIO = Scenario(
    name="duplicate_rain",
    says="Banks tell everything five times at once.",
    says_vi="Ngân hàng báo mọi khoản năm lần cùng lúc.",
    troubles=(
        Trouble(
            says="each callback comes five times at once",
            says_vi="mỗi thông báo đến năm lần cùng lúc",
            begins=0.1,
            ends=0.95,
            faults=(("duplicate", {"times": 0, "copies": 5, "at_once": True}),),
        ),
    ),
)
Payers = payers_of(SCENARIO)
