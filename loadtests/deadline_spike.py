"""The last day of a fee period: more and more come, most of them at the end."""

from loadtests.scenario import Scenario, payers_of
from loadtests.shapes import Curve

SCENARIO = Scenario(
    name="deadline_spike",
    says="The last day of a fee period: more and more come, most of them at the end.",
    says_vi="Ngày cuối của kỳ nộp phí: người nộp đông dần và dồn vào phút chót.",
    curve=Curve(((0.0, 0.05), (0.4, 0.15), (0.7, 0.4), (0.85, 1.0), (0.95, 1.0), (1.0, 0.2))),
)
Payers = payers_of(SCENARIO)
