"""The payer changes what the browser brings back: it says paid, or another amount, under the signature of the truth."""

from simulator.faults.kind import PayerFault, Where

FAULT = PayerFault(
    kind="tampered_return",
    number=93,
    en="the browser comes back saying paid (or of a paid one another amount), wrongly signed",
    vi="trình duyệt quay về báo đã trả tiền (hoặc số tiền khác), chữ ký không khớp",
    tampers=True,
    where=Where.BROWSER,
)
