"""All banks close for maintenance when most people come."""

from loadtests.scenario import Scenario, Trouble, payers_of
from loadtests.shapes import Curve

SCENARIO = Scenario(
    name="maintenance_at_peak",
    says="All banks close for maintenance when most people come.",
    says_vi="Mọi ngân hàng bảo trì đúng giờ cao điểm.",
    curve=Curve(((0.0, 0.2), (0.4, 1.0), (0.7, 1.0), (1.0, 0.2))),
    troubles=(
        Trouble(
            says="banks refuse every request for maintenance",
            says_vi="ngân hàng từ chối mọi yêu cầu vì bảo trì",
            begins=0.45,
            ends=0.6,
            faults=(("maintenance", {"times": 0}),),
        ),
    ),
)
Payers = payers_of(SCENARIO)
