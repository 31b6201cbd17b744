"""A working day at the counters and at home: two hills, before noon and in the afternoon."""

from loadtests.scenario import Scenario, payers_of
from loadtests.shapes import Curve

SCENARIO = Scenario(
    name="office_hours",
    says="A working day at the counters and at home: two hills, before noon and in the afternoon.",
    says_vi="Một ngày làm việc: hai đỉnh, trước trưa và giữa chiều.",
    curve=Curve(((0.0, 0.1), (0.25, 1.0), (0.4, 0.9), (0.5, 0.4), (0.7, 0.9), (0.85, 0.7), (1.0, 0.1))),
)
Payers = payers_of(SCENARIO)
