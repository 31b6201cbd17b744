"""The same load for a long time; the books are compared every minute."""

from loadtests.scenario import Scenario, payers_of

SCENARIO = Scenario(
    name="soak",
    says="The same load for a long time; the books are compared every minute.",
    says_vi="Tải đều trong thời gian dài; sổ sách được đối chiếu mỗi phút.",
    rate=10.0,
    for_s=1800.0,
    audits_every_s=60.0,
)
Payers = payers_of(SCENARIO)
