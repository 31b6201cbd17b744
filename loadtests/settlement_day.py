"""The banks' files of the day are fetched and handed in again and again while people pay; some fees go back."""

from loadtests.scenario import Scenario, payers_of

SCENARIO = Scenario(
    name="settlement_day",
    says="The banks' files of the day are fetched and handed in again and again while people pay; some fees go back.",
    says_vi="Tệp đối soát trong ngày được lấy và nạp liên tục trong khi người dân vẫn nộp; một số khoản được hoàn.",
    files_every=0.1,
    refund_every=10,
)
Payers = payers_of(SCENARIO)
