"""A queue at every counter: banks ask for bills, one after the other, and people pay them."""

from loadtests.scenario import Scenario, payers_of

SCENARIO = Scenario(
    name="counter_rush",
    says="A queue at every counter: banks ask for bills, one after the other, and people pay them.",
    says_vi="Quầy nào cũng có hàng chờ: ngân hàng hỏi hóa đơn liên tục và người dân nộp ngay.",
    shapes=("bill",),
)
Payers = payers_of(SCENARIO)
