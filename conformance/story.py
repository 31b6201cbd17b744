"""The steps of a story in Vietnamese, by patterns of the sentences in which the bench tells them. Pure.

Rule: what no pattern fits stays in English: a step is never left out, and never guessed.
"""

import re
from functools import cache

_PLACE = re.compile(r"\{(\w+)\}")

# {name} stands for any text; of two patterns that fit, the first counts. What stands for a message or for something
# that a payer does is put into Vietnamese as well, where its own pattern is known.
_STEPS = (
    (
        "a payer opens a payment of {amount} VND for dossier {code}",
        "người nộp mở thanh toán {amount} đồng cho hồ sơ {code}",
    ),
    ("a payer opens a payment", "người nộp mở thanh toán"),
    ("the payer sees no checkout ({why})", "người nộp không thấy trang thanh toán ({why})"),
    (
        "{count} payers open payments of {dossiers} dossiers at once",
        "{count} người nộp mở thanh toán cho {dossiers} hồ sơ cùng lúc",
    ),
    (
        "the payer of {code} pays on the bank's pages and closes the browser",
        "người nộp của {code} nộp trên trang ngân hàng rồi đóng trình duyệt",
    ),
    ("the payer of {code} pays the bill: {channel}", "người nộp của {code} nộp theo mã thu: {channel}"),
    ("the payer of {code} {deed}", "người nộp của {code} {deed}"),
    (
        "a payer transfers {amount} VND with the text {content}",
        "người nộp chuyển khoản {amount} đồng với nội dung {content}",
    ),
    (
        "the payer transfers {amount} VND with the text {content}",
        "người nộp chuyển khoản {amount} đồng với nội dung {content}",
    ),
    (
        "a payer pays {amount} VND for bill {code}, and nobody asks first",
        "người nộp nộp {amount} đồng cho mã thu {code}, không ai vấn tin trước",
    ),
    (
        "a payer names {code} at the bank, which asks the connector",
        "người nộp đọc mã {code} tại ngân hàng, ngân hàng vấn tin bộ kết nối",
    ),
    (
        "the payer names bill {code} at the bank, which asks the connector",
        "người nộp đọc mã thu {code} tại ngân hàng, ngân hàng vấn tin bộ kết nối",
    ),
    (
        "the payer's banking app scans the code that the connector shows",
        "ứng dụng ngân hàng của người nộp quét mã do bộ kết nối hiển thị",
    ),
    ("the payer is told that it cannot be done now ({why})", "người nộp được báo là lúc này chưa làm được ({why})"),
    ("the connector runs its jobs", "bộ kết nối chạy các tác vụ định kỳ"),
    ("the connector is killed and started again", "bộ kết nối bị tắt đột ngột rồi khởi động lại"),
    (
        "the connector is started anew, with its clock {hours} hours ahead",
        "bộ kết nối khởi động lại với đồng hồ nhanh {hours} giờ",
    ),
    ("the connector is started anew, with the machine's time", "bộ kết nối khởi động lại theo giờ của máy"),
    ("the connector is killed, and stays down", "bộ kết nối bị tắt đột ngột và ngừng chạy"),
    ("the connector is started again", "bộ kết nối được khởi động lại"),
    (
        "the connector is started anew, and told that the banks are at {address}",
        "bộ kết nối được khởi động lại và được cho biết ngân hàng ở {address}",
    ),
    (
        "the connector is started anew, and told where the banks are",
        "bộ kết nối được khởi động lại và được cho biết đúng địa chỉ ngân hàng",
    ),
    ("the connector's own books are out of order", "sổ sách của bộ kết nối bị hỏng"),
    ("the connector's books are mended", "sổ sách của bộ kết nối được sửa xong"),
    ("what issues the connector's receipts is out of order", "nơi lập biên lai cho bộ kết nối bị hỏng"),
    ("receipts can be issued again", "lại lập được biên lai"),
    ("the office cancels dossier {code}", "cơ quan hủy hồ sơ {code}"),
    ("the office locks dossier {code}", "cơ quan khóa hồ sơ {code}"),
    ("the office unlocks dossier {code}", "cơ quan mở khóa hồ sơ {code}"),
    ("the office refunds all", "cơ quan hoàn toàn bộ số tiền"),
    ("the office refunds {amount} VND", "cơ quan hoàn {amount} đồng"),
    ("someone looks up the fee of dossier {code}", "có người tra cứu lệ phí của hồ sơ {code}"),
    ("the bank delivers what is due ({count} callbacks)", "ngân hàng gửi những gì đến hạn ({count} thông báo)"),
    ("{seconds} s pass at the bank ({count} callbacks)", "{seconds} giây trôi qua tại ngân hàng ({count} thông báo)"),
    ("the bank starts anew, and there it is {instant}", "ngân hàng bắt đầu lại, đồng hồ ở đó là {instant}"),
    ("from now on: {fault} ({settings})", "từ bây giờ, sự cố: {fault} ({settings})"),
    ("nothing is disturbed any longer", "không còn sự cố nào nữa"),
    ("the bank's maintenance is over", "ngân hàng bảo trì xong"),
    ("the contract with the bank says {name} = {value}", "hợp đồng với ngân hàng ghi {name} = {value}"),
    ("the bank has another merchant, {code}", "ngân hàng có một đơn vị khác, {code}"),
    ("the bank reads the code {code}", "ngân hàng đọc mã {code}"),
    ("the bank sends {message}", "ngân hàng gửi {message}"),
    ("the connector is sent {message}, and answers {answer}", "bộ kết nối nhận {message}, và trả lời {answer}"),
    (
        "the connector is sent {message}, {count} messages at once",
        "bộ kết nối nhận {message}, {count} thông điệp cùng lúc",
    ),
    ("the connector is sent {message}", "bộ kết nối nhận {message}"),
    ("it is sent the second one, and is not left the time to answer", "nó nhận thông báo thứ hai và không kịp trả lời"),
    ("a callback begins to arrive, and stops in the middle", "một thông báo bắt đầu đến rồi dừng giữa chừng"),
    (
        "the rest of the first callback arrives, and is answered {answer}",
        "phần còn lại của thông báo đầu đến nơi, được trả lời {answer}",
    ),
    ("the gateway for text messages fails ({how})", "cổng tin nhắn bị lỗi ({how})"),
    ("a browser opens {page}, and gets {status}", "trình duyệt mở {page}, nhận được {status}"),
    ("a browser opens {page}", "trình duyệt mở {page}"),
    (
        "the connector refuses a second order while the first is open",
        "bộ kết nối từ chối lệnh thứ hai khi lệnh đầu còn mở",
    ),
    ("the connector refuses the second part", "bộ kết nối từ chối phần thứ hai"),
    ("the connector refuses to open it again", "bộ kết nối từ chối mở lại"),
    ("the connector refuses ({status})", "bộ kết nối từ chối ({status})"),
    ("the order failed, as the bank made it; the payer tries again", "lệnh thất bại do ngân hàng; người nộp thử lại"),
    (
        "two payers open a payment: the bank is silent to one order, and answers the other drop by drop",
        "hai người nộp mở thanh toán: ngân hàng im lặng với một lệnh, và trả lời nhỏ giọt lệnh kia",
    ),
    (
        "five callbacks, the payer's return and the connector's own query come at the same moment",
        "năm thông báo, lượt quay về của người nộp và truy vấn của bộ kết nối đến cùng một lúc",
    ),
    ("dossier {code} is paid at the bank", "hồ sơ {code} được nộp tại ngân hàng"),
    ("at {bank}: {step}", "tại {bank}: {step}"),
)

_DEEDS = (
    ("pays at the bank", "nộp tiền tại ngân hàng"),
    ("cancels at the bank", "hủy tại ngân hàng"),
    ("fails to pay: {outcome}", "nộp không thành công: {outcome}"),
    ("pays, and the bank holds the money for a fraud check", "nộp tiền, ngân hàng giữ lại để kiểm tra gian lận"),
    ("is cleared by the bank's fraud check", "được ngân hàng xác nhận không gian lận"),
    ("is debited and given the money back by the bank", "bị trừ tiền rồi được ngân hàng trả lại"),
    ("turns out to have paid, after the order had expired", "hóa ra đã nộp, sau khi lệnh hết hạn"),
    ("turns out to have paid, though the connector took the order back", "hóa ra đã nộp, dù bộ kết nối đã hủy lệnh"),
)

_MESSAGES = (
    ("the true callback", "thông báo thật"),
    ("the true callback, perhaps once more", "thông báo thật, có thể là lần nữa"),
    ("the true callback with one more signed field", "thông báo thật có thêm một trường được ký"),
    ("the true callback without its optional fields", "thông báo thật không có các trường tùy chọn"),
    (
        "the true callback with its fields in another order and spacing",
        "thông báo thật với thứ tự trường và khoảng trắng khác",
    ),
    ("the true callback as {form}", "thông báo thật dưới dạng {form}"),
    ("the same callback once more", "cùng thông báo đó lần nữa"),
    ("the same callback, whole", "cùng thông báo đó, trọn vẹn"),
    ("the first callback", "thông báo thứ nhất"),
    ("the callback, late", "thông báo, đến muộn"),
    ("the callback that was lost", "thông báo đã bị thất lạc"),
    ("the old callback of the payment", "thông báo cũ của khoản nộp"),
    ("the callback of another payment", "thông báo của một khoản nộp khác"),
    (
        "the first dossier's callback under the second one's reference",
        "thông báo của hồ sơ thứ nhất mang số tham chiếu của hồ sơ thứ hai",
    ),
    ("a callback signed with another key", "thông báo ký bằng khóa khác"),
    ("a callback of success signed with another key", "thông báo thành công ký bằng khóa khác"),
    ("a callback of failure signed with another key", "thông báo thất bại ký bằng khóa khác"),
    ("a callback signed by another algorithm", "thông báo ký bằng thuật toán khác"),
    ("a callback signed in the other letter case", "thông báo có chữ ký đổi chữ hoa, chữ thường"),
    ("a callback with an empty signature", "thông báo có chữ ký rỗng"),
    ("a callback without a signature", "thông báo không có chữ ký"),
    ("a callback whose signature differs at place {place}", "thông báo có chữ ký sai ở vị trí {place}"),
    ("a callback with text moved over a field boundary", "thông báo có nội dung bị dời qua ranh giới giữa hai trường"),
    ("a callback that leaves the outcome open", "thông báo chưa rõ kết quả"),
    ("a callback of a first try that failed", "thông báo của lần thử đầu bị thất bại"),
    ("a callback of money that goes out", "thông báo về tiền đi ra"),
    ("a forged callback", "thông báo giả mạo"),
    ("a true callback whose signature begins with zero", "thông báo thật có chữ ký bắt đầu bằng số không"),
    ("a rightly signed advice of money that went out", "báo có đúng chữ ký nhưng về tiền đi ra"),
    ("a rightly signed callback for an unknown order", "thông báo đúng chữ ký cho một lệnh không tồn tại"),
    ("a rightly signed callback for the order {ref}", "thông báo đúng chữ ký cho lệnh {ref}"),
    ("a rightly signed callback for the merchant {code}", "thông báo đúng chữ ký cho đơn vị {code}"),
    ("a rightly signed callback of the amount {amount}", "thông báo đúng chữ ký với số tiền {amount}"),
    ("a rightly signed callback of the failure {code}", "thông báo thất bại {code} đúng chữ ký"),
    (
        "a rightly signed callback of the same number in {currency}",
        "thông báo đúng chữ ký, cùng con số nhưng bằng {currency}",
    ),
    (
        "a rightly signed callback of {sent} VND where {owed} are owed",
        "thông báo đúng chữ ký về {sent} đồng trong khi phải nộp {owed}",
    ),
    ("a rightly signed callback of {amount} VND less", "thông báo đúng chữ ký, thiếu {amount} đồng"),
    ("a rightly signed callback of {amount} VND", "thông báo đúng chữ ký về {amount} đồng"),
    (
        "a rightly signed callback with result {result} and status {status}",
        "thông báo đúng chữ ký với kết quả {result} và trạng thái {status}",
    ),
    ("a rightly signed callback with the unknown code {code}", "thông báo đúng chữ ký với mã lạ {code}"),
    ("a rightly signed callback with the code {code}", "thông báo đúng chữ ký với mã {code}"),
    ("a rightly signed inquiry for the biller {code}", "câu vấn tin đúng chữ ký cho đơn vị {code}"),
    ("an inquiry signed with another key", "câu vấn tin ký bằng khóa khác"),
    ("an inquiry about a locked bill", "câu vấn tin về mã thu đang bị khóa"),
    ("an inquiry about the bill of {payer}", "câu vấn tin về mã thu của {payer}"),
    ("three million bytes signed with another key", "ba triệu byte ký bằng khóa khác"),
    (
        "the callbacks of {count} payments, each {times} times",
        "thông báo của {count} khoản nộp, mỗi thông báo {times} lần",
    ),
    ("a made-up return that says success", "địa chỉ quay về bịa đặt báo thành công"),
    ("the return of a payer who gave up", "lượt quay về của người nộp đã bỏ cuộc"),
    ("a return that carries a card number", "địa chỉ quay về có số thẻ"),
    ("the return with nothing but the order's reference", "địa chỉ quay về chỉ có số tham chiếu của lệnh"),
    ("the return with a script in {name}", "địa chỉ quay về có mã lệnh trong {name}"),
    ("the return with addresses of another site in it", "địa chỉ quay về chứa địa chỉ của trang khác"),
    ("the connector's page to which the bank sends it back", "trang của bộ kết nối mà ngân hàng chuyển về"),
)

_INNER = {"deed": _DEEDS, "message": _MESSAGES, "page": _MESSAGES, "step": _STEPS}
"""Which placeholders stand for something that has patterns of its own."""


_REASONS = (
    ("it needs {capabilities}, which the target does not declare", "cần {capabilities}, tệp mô tả không khai báo"),
    ("it is asked once of each kind of bank, here of {bank}", "mỗi loại ngân hàng chỉ hỏi một lần, ở đây là {bank}"),
    ("it is asked once a bank, here by the method {method}", "mỗi ngân hàng chỉ hỏi một lần, ở đây theo cách {method}"),
    ("it is asked of banks of the kind {shapes} only", "chỉ hỏi ngân hàng thuộc loại {shapes}"),
    ("it is asked of {which} only", "chỉ hỏi {which}"),
    ("this bank tells nothing of payments that failed", "ngân hàng này không báo khoản nộp thất bại"),
    ("this bank does not repeat its callbacks", "ngân hàng này không gửi lại thông báo"),
    ("this simulator has no address where TLS goes wrong", "máy giả lập này không có địa chỉ nào TLS bị lỗi"),
    (
        "the connector does not start with such an address for the banks",
        "bộ kết nối không khởi động được với địa chỉ ngân hàng như vậy",
    ),
    ("this bank sends the browser nowhere", "ngân hàng này không đưa trình duyệt đi đâu"),
    ("this bank sends no file of a business day", "ngân hàng này không gửi tệp đối soát ngày"),
    ("this bank's callback has no body", "thông báo của ngân hàng này không có phần thân"),
    ("this bank's order names no time", "lệnh thanh toán của ngân hàng này không ghi thời gian"),
    ("this bank does not sign its answers", "ngân hàng này không ký câu trả lời"),
    ("this bank is not answered in JSON", "ngân hàng này không nhận câu trả lời bằng JSON"),
    ("the bank does not sign this message", "ngân hàng không ký thông điệp này"),
    ("the bank was never told of the order", "ngân hàng chưa hề nhận lệnh này"),
    ("refunds of this bank are not made over its API", "ngân hàng này không hoàn tiền qua API"),
    (
        "the connector takes no callbacks of this bank: it asks",
        "bộ kết nối không nhận thông báo của ngân hàng này mà tự truy vấn",
    ),
    ("the connector did not ask the bank", "bộ kết nối không truy vấn ngân hàng"),
    ("the connector speaks with one bank only", "bộ kết nối chỉ làm việc với một ngân hàng"),
    ("the connector has no fee lookup", "bộ kết nối không có chức năng tra cứu lệ phí"),
    ("the connector opens no second order while one is open", "bộ kết nối không mở lệnh thứ hai khi còn lệnh đang mở"),
    (
        "the connector acknowledges first and judges afterwards, by its policy",
        "bộ kết nối xác nhận trước, xử lý sau, theo lựa chọn riêng",
    ),
    (
        "the connector keeps an interval of its own between its questions, by its policy",
        "bộ kết nối tự giữ khoảng cách giữa các lần truy vấn, theo lựa chọn riêng",
    ),
    (
        "the connector refuses money for a cancelled bill, by its policy",
        "bộ kết nối từ chối tiền của mã thu đã hủy, theo lựa chọn riêng",
    ),
    (
        "what payers are sent cannot be seen: neither an inbox nor a verb notifications",
        "không xem được tin gửi người nộp: không có hộp thư, cũng không có lệnh notifications",
    ),
)


def in_vietnamese(step: str) -> str:
    """The step in Vietnamese; as it is where no pattern fits."""
    return _translated(step, _STEPS)


def message_in_vietnamese(note: str) -> str:
    """What the suite sent, as a diagram names it."""
    return _translated(note, _MESSAGES)


def reason_in_vietnamese(reason: str) -> str:
    """Why a requirement was not asked."""
    return _translated(reason, _REASONS)


def _translated(text: str, patterns: tuple[tuple[str, str], ...]) -> str:
    for english, vietnamese in patterns:
        found = _compiled(english).fullmatch(text)
        if found is not None:
            values = {
                name: _translated(value, _INNER[name]) if name in _INNER else value
                for name, value in found.groupdict().items()
            }
            return vietnamese.format(**values)
    return text


@cache
def _compiled(english: str) -> re.Pattern[str]:
    parts = _PLACE.split(english)
    words = (re.escape(part) if number % 2 == 0 else f"(?P<{part}>.+?)" for number, part in enumerate(parts))
    return re.compile("".join(words), re.DOTALL)
