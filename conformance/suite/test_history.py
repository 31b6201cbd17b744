"""HISTORY: whole stories of payers, bank, faults and time together, drawn by chance and shrunk to the shortest."""

from conformance.bench import Bench
from conformance.history import tell_stories
from conformance.requirement import Level, NotApplicable, requirement

STORIES = 5
STORIES_OF_SEVERAL_BANKS = 2
OTHER_BANKS = 2
STORIES_WITH_KILLS = 2
KILLS_MAX = 1


@requirement(
    "HISTORY-01",
    level=Level.MUST,
    source="portal-defects#no-idempotency",
    says="The connector's books agree with the bank's after any story of payments, repeats, losses and forgeries.",
    vi="Sổ của bộ kết nối khớp với sổ ngân hàng sau mọi chuỗi nộp, gửi lặp, thất lạc và giả mạo.",
    why="What each case alone gets right, two of them together get wrong: money without a dossier, or the reverse.",
    why_vi="Từng trường hợp riêng thì đúng, ghép lại thì sai: có tiền mà không có hồ sơ, hoặc ngược lại.",
    guards=("egov D11", "egov D12", "egov D30", "gateways D30", "gateways D36", "gateways D38"),
    once_a_bank=True,
)
def test_the_books_agree_after_any_story(bench: Bench) -> None:
    tell_stories(bench, STORIES)


@requirement(
    "HISTORY-02",
    level=Level.MUST,
    source="portal-defects#no-idempotency",
    says="The connector's books agree with all its banks' after any story that goes over several of them.",
    vi="Sổ của bộ kết nối khớp với sổ của mọi ngân hàng sau mọi chuỗi sự kiện diễn ra ở nhiều ngân hàng.",
    why="A payer tries one bank, then another, and both take the fee: each bank alone looks right, both do not.",
    why_vi="Người nộp thử ngân hàng này rồi ngân hàng khác, cả hai đều thu: xét riêng thì đúng, cộng lại thì sai.",
    guards=("egov D11", "egov D30"),
    once_a_bank=True,
)
def test_the_books_of_several_banks_agree_after_any_story(bench: Bench) -> None:
    others = [bank for bank in bench.target.banks if bank != bench.bank]
    if not others:
        raise NotApplicable("the connector speaks with one bank only")
    bench.chance.shuffle(others)
    tell_stories(bench, STORIES_OF_SEVERAL_BANKS, banks=tuple(others[:OTHER_BANKS]))


@requirement(
    "HISTORY-03",
    level=Level.MUST,
    source="portal-defects#no-idempotency",
    says="The connector's books agree with the bank's after any story in which it is killed and started again.",
    vi="Sổ của bộ kết nối khớp với sổ ngân hàng sau mọi chuỗi sự kiện, kể cả khi nó bị tắt đột ngột rồi chạy lại.",
    why="What was kept in memory only is gone after a crash: money is forgotten, or booked a second time.",
    why_vi="Những gì chỉ giữ trong bộ nhớ sẽ mất khi sập: tiền bị quên, hoặc bị ghi nhận lần thứ hai.",
    needs=("restart",),
    guards=("egov D12", "gateways D30"),
    once_a_bank=True,
)
def test_the_books_agree_after_any_story_with_a_crash(bench: Bench) -> None:
    tell_stories(bench, STORIES_WITH_KILLS, kills=KILLS_MAX)
