"""Every bank and every way to pay that the connector offers, alike."""

from loadtests.scenario import Scenario, payers_of

SCENARIO = Scenario(
    name="mixed_banks",
    says="Every bank and every way to pay that the connector offers, alike.",
    says_vi="Mọi ngân hàng, mọi cách nộp mà bộ kết nối có, đều nhau.",
)
Payers = payers_of(SCENARIO)
