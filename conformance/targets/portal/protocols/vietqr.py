"""A VietQR code to an account, with amount and purpose, as any banking app in Vietnam scans it.

Rule: tag, two digits of length, value; a checksum over all of it at the end.
"""

import binascii

# napas-qr-1.5.2#objects
_GUID = "A000000727"
_TO_ACCOUNT = "QRIBFTTA"
_PURPOSE_MAX = 25
AMOUNT_MAX_VND = 499_999_999
"""napas-qr-2021#limit: instant transfers stay below 500 million."""


def transfer_code(bank_bin: str, account: str, amount_vnd: int, purpose: str, *, limited: bool = True) -> str:
    """`purpose` in plain letters and digits, at most 25. Above AMOUNT_MAX_VND the payer types the amount.

    `limited` is False only for the defect that knows no limit.
    """
    names_amount = amount_vnd <= AMOUNT_MAX_VND or not limited
    beneficiary = _object("00", bank_bin) + _object("01", account)
    parts = (
        _object("00", "01"),
        _object("01", "12" if names_amount else "11"),
        _object("38", _object("00", _GUID) + _object("01", beneficiary) + _object("02", _TO_ACCOUNT)),
        _object("53", "704"),
        _object("54", str(amount_vnd)) if names_amount else "",
        _object("58", "VN"),
        _object("62", _object("08", purpose[:_PURPOSE_MAX])),
        "6304",
    )
    body = "".join(parts)
    return f"{body}{binascii.crc_hqx(body.encode('ascii'), 0xFFFF):04X}"


def _object(tag: str, value: str) -> str:
    return f"{tag}{len(value):02d}{value}"
