"""RETURN: a browser carries the payer back, never the money."""

from urllib.parse import urlsplit

from conformance.bench import Bench, parameters, tells_name, with_query
from conformance.requirement import Level, expect, requirement

CREATED = ("redirect", "server_create")
PAYER = "Hoàng Thị Bạch Tuyết"
ELSEWHERE = "another-site.invalid"
LEADING_PARAMETERS = ("url", "next", "redirect", "redirect_url", "return_url", "returnUrl", "callback", "continue")
SCRIPT = "\"><script>alert('banksim')</script>"


@requirement(
    "RETURN-01",
    level=Level.MUST,
    source="portal-defects#browser-return",
    says="The connector settles nothing on a return that someone made up.",
    vi="Bộ kết nối không ghi nhận gì từ địa chỉ quay về do người khác tự tạo.",
    why="Whoever edits the address in the browser has paid.",
    why_vi="Ai sửa địa chỉ trên trình duyệt là coi như đã nộp tiền.",
    shapes=CREATED,
    guards=("egov D5", "egov D6", "gateways D32"),
)
def test_a_made_up_return_settles_nothing(bench: Bench) -> None:
    visit = bench.open()
    bench.browse(bench.return_saying_success(visit), "a made-up return that says success")
    bench.expect_not_paid(visit)


@requirement(
    "RETURN-02",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#return",
    says="The connector does not settle by the return alone: it hears, or asks, the bank itself.",
    vi="Bộ kết nối không ghi nhận chỉ dựa vào trang quay về mà phải nghe hoặc hỏi chính ngân hàng.",
    why="An address passes through the payer's hands: it can be kept, sent on and opened again.",
    why_vi="Địa chỉ đi qua tay người nộp: có thể lưu lại, gửi đi và mở lại.",
    shapes=CREATED,
    guards=("gateways D32", "gateways D31"),
)
def test_the_return_alone_settles_nothing(bench: Bench) -> None:
    visit = bench.open()
    bench.fault("lost")
    bench.pay(visit)
    bench.go_back(visit)
    status = bench.status(visit)
    asked = bench.journal("query")
    expect(
        status.receipts == 0 or asked,
        "the connector settles only after the bank itself has told it",
        expected="not paid, or a query to the bank",
        actual=f"{status.status}, {status.receipts} receipts, no query",
    )


@requirement(
    "RETURN-03",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#ipn",
    says="The connector settles the payment of a payer who closes the browser and never comes back.",
    vi="Bộ kết nối ghi nhận khoản thanh toán dù người nộp đóng trình duyệt và không quay về.",
    why="Whoever pays on a phone with a weak signal has paid for nothing.",
    why_vi="Ai trả tiền bằng điện thoại sóng yếu sẽ mất tiền mà không được ghi nhận.",
    shapes=CREATED,
    guards=("gateways D32", "gateways D40"),
)
def test_a_payer_who_never_comes_back_is_settled(bench: Bench) -> None:
    visit = bench.open()
    bench.walk(visit)
    bench.deliver()
    bench.expect_delivered(visit)
    bench.expect_paid_once(visit)


@requirement(
    "RETURN-04",
    level=Level.MUST,
    source="client-defects#return-breaks",
    says="The connector shows the payer a page whatever parameters the return has, lacks or repeats.",
    vi="Bộ kết nối vẫn hiện trang cho người nộp dù địa chỉ quay về thừa, thiếu hay lặp tham số.",
    why="The payer meets an error page, believes that the payment failed, and pays again.",
    why_vi="Người nộp gặp trang lỗi, tưởng chưa trả được và trả lần nữa.",
    shapes=CREATED,
    guards=("gateways D68",),
)
def test_odd_parameters_do_not_break_the_return(bench: Bench) -> None:
    visit = bench.open()
    bench.settle(visit)
    url = bench.return_url(visit)
    names = parameters(url)
    odd = {
        "the return with a parameter of another site": with_query(url, {"utm_source": "zalo", "fbclid": "x"}),
        "the return with every parameter twice": with_query(url, {n: [v, v] for n, v in names.items()}),
        "the return with a fragment": f"{url}#ket-qua",
        "the return without any parameter": with_query(url, dict.fromkeys(names)),
        "the return with empty parameters": with_query(url, dict.fromkeys(names, "")),
    }
    for told, address in odd.items():
        page = bench.browse(address, told)
        expect(page.status < 500, "the payer sees a page", expected="a page", actual=f"{told}: {page.status}")
    bench.expect_paid_once(visit)


@requirement(
    "RETURN-05",
    level=Level.MUST,
    source="client-defects#return-breaks",
    says="The connector writes nothing that the return carries into its page unescaped.",
    vi="Bộ kết nối không đưa nguyên văn dữ liệu của địa chỉ quay về vào trang.",
    why="A link sent by mail runs a stranger's script in the portal's name.",
    why_vi="Một đường liên kết gửi qua thư có thể chạy mã lạ dưới danh nghĩa cổng dịch vụ.",
    shapes=CREATED,
    guards=("gateways D68",),
)
def test_a_returned_field_cannot_inject_a_script(bench: Bench) -> None:
    visit = bench.open()
    bench.settle(visit)
    url = bench.return_url(visit)
    for name in parameters(url):
        page = bench.browse(with_query(url, {name: SCRIPT}), f"the return with a script in {name}")
        expect(
            SCRIPT not in page.text,
            "what the return carries is escaped",
            expected="no script of the return's in the page",
            actual=f"{name} stands in the page as it came",
        )


@requirement(
    "RETURN-06",
    level=Level.MUST,
    source="vnpay-pay-2-1-0#return",
    says="The connector does not let a return that says failure close an order that the bank still settles.",
    vi="Bộ kết nối không để trang quay về báo thất bại đóng lệnh mà ngân hàng vẫn ghi nhận sau đó.",
    why="An edited or early return makes the dossier unpayable while the money is on its way.",
    why_vi="Địa chỉ quay về bị sửa hoặc đến sớm khiến hồ sơ không nhận được tiền đang chuyển.",
    shapes=CREATED,
    guards=("gateways D36", "gateways D38"),
)
def test_a_return_of_failure_does_not_close_the_order(bench: Bench) -> None:
    visit = bench.open()
    bench.arrive(visit)
    bench.browse(bench.return_url(visit), "the return of a payer who gave up")
    bench.settle(visit)
    bench.expect_delivered(visit)
    bench.expect_paid_once(visit)


@requirement(
    "RETURN-07",
    level=Level.MUST,
    source="portal-defects#lookup-open",
    says="The connector tells no name to whoever opens a return that names an order and proves nothing.",
    vi="Bộ kết nối không cho biết họ tên khi ai đó mở trang quay về chỉ có mã lệnh mà không có gì chứng thực.",
    why="Whoever counts through references collects the names of those who paid.",
    why_vi="Ai dò mã lệnh cũng thu thập được họ tên người nộp tiền.",
    shapes=CREATED,
    guards=("egov D27",),
    once_a_bank=True,
)
def test_an_unproven_return_tells_no_name(bench: Bench) -> None:
    visit = bench.open(payer=PAYER)
    bench.arrive(visit)
    url = bench.return_url(visit)
    unproven = {name: None for name, value in parameters(url).items() if visit.order_ref not in value}
    page = bench.browse(with_query(url, unproven), "the return with nothing but the order's reference")
    expect(not tells_name(page.text, PAYER), "the page tells nobody's name", expected="no name", actual=page.text[:300])


@requirement(
    "RETURN-08",
    level=Level.MUST,
    source="client-defects#return-breaks",
    says="The connector does not send the browser to an address that a parameter of the return names.",
    vi="Bộ kết nối không đưa trình duyệt tới địa chỉ do tham số của trang quay về chỉ định.",
    why="A link in the portal's own name leads to a false payment page.",
    why_vi="Đường liên kết mang tên cổng dịch vụ lại dẫn tới trang thanh toán giả.",
    shapes=CREATED,
    guards=("egov D17", "gateways D68"),
    once_a_bank=True,
)
def test_a_return_leads_to_no_other_site(bench: Bench) -> None:
    visit = bench.open()
    bench.settle(visit)
    named = dict.fromkeys(LEADING_PARAMETERS, f"https://{ELSEWHERE}/nop-phi")
    end = bench.led_to(with_query(bench.return_url(visit), named), "the return with addresses of another site in it")
    expect(
        urlsplit(end).hostname != ELSEWHERE,
        "the browser stays where it is",
        expected="the connector's page",
        actual=end,
    )
