"""What a run is asked to do, as one value that travels to every generator, on this machine and on others."""

from pathlib import Path

import msgspec

from conformance.target_file import Step, TargetFile
from loadtests.payers import Way

ENVIRONMENT = "BANKSIM_LOAD_PLAN"
"""Names the file with the plan, for the processes that `banksim load` starts."""


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """How the connector is spoken to: what its target file says of opening a payment and telling a status."""

    url: str
    headers: dict[str, str]
    units_per_dong: int
    open: tuple[Step, ...]
    status: tuple[Step, ...]
    refund: tuple[Step, ...]
    """Empty = it gives nothing back."""

    status_words: dict[str, str]
    bank_words: dict[str, str]
    """The connector's own name of a bank; banksim's where there is none."""

    method_words: dict[str, dict[str, str]]


class Banks(msgspec.Struct, frozen=True, kw_only=True):
    """The sandbox: `url` is where the connector finds its banks, `control_url` the control API of that sandbox."""

    url: str
    control_url: str
    token: str
    shapes: dict[str, str]
    merchants: dict[str, str]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `rate` = payers a second at the peak, in an open model; 0 = `users` people who come again and again.

    `users` = how many are on their way at once, at most. `gates` = how many processes send payers.
    `payments` = how many payers come at most. `patience_s` = how long a payer looks for the dossier to be paid.
    """

    scenario: str
    run: str
    seed: str
    users: int
    rate: float
    for_s: float
    payments: int
    gates: int
    patience_s: float
    think: float
    """How much longer than usual people think: 1 = as usual, 0 = not at all."""
    refund_every: int
    """Every so manieth payer is given the fee back; 0 = nobody."""
    ways: tuple[Way, ...]
    door: Door
    banks: Banks
    target: str
    """The target file, for the leader alone."""
    folder: str

    @property
    def merchants(self) -> dict[str, str]:
        """The connector's own code at each bank that payers may choose."""
        banks = {way.bank for way in self.ways}
        return {bank: code for bank, code in self.banks.merchants.items() if bank in banks}

    @property
    def record(self) -> Path:
        """The file in which the leader keeps what happens."""
        return Path(self.folder) / "record.db"


def door_of(file: TargetFile, url: str) -> Door:
    """What of a target file a generator needs."""
    return Door(
        url=url.rstrip("/"),
        headers=file.connector.headers,
        units_per_dong=file.connector.units_per_dong,
        open=file.verbs["open"],
        status=file.verbs["status"],
        refund=file.verbs.get("refund", ()),
        status_words={word: status.value for word, status in file.status_words.items()},
        bank_words={code: bank.name or code for code, bank in file.banks.items()},
        method_words={code: bank.words for code, bank in file.banks.items()},
    )


def encode(plan: Plan) -> bytes:
    return msgspec.json.encode(plan)


def decode(text: bytes) -> Plan:
    return msgspec.json.decode(text, type=Plan)


def read(path: Path) -> Plan:
    """Raises OSError, msgspec.DecodeError."""
    return decode(path.read_bytes())
