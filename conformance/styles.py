"""Correct connectors that differ where sound ones may: each keeps every requirement, or the suite cries wolf."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conformance.target_file import read_target_file

_TARGETS = Path(__file__).parent / "targets"
PORTAL = _TARGETS / "portal.toml"
NODE = _TARGETS / "node.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """A sample portal and how it is started. `changes` = what differs in the target file, text by text."""

    target: Path = PORTAL
    launch: tuple[str, ...] = ()
    changes: Mapping[str, str] = field(default_factory=dict)

    @property
    def banks(self) -> tuple[str, ...]:
        """Where it makes sense, which for who only asks is where there is someone to ask."""
        return tuple(read_target_file(self.target).banks) if "" not in self.changes.values() else ASKED_BANKS

    @property
    def words(self) -> tuple[str, ...]:
        """For the command line of `banksim check`."""
        return tuple(f"--launch-arg={word}" for word in self.launch)

    def target_in(self, folder: Path) -> Path:
        """Its target file: the shipped one, or a changed one in `folder`. Raises ValueError for what it lacks."""
        text = self.target.read_text(encoding="utf-8")
        for before, after in self.changes.items():
            if before not in text:
                raise ValueError(f"{self.target.name} has no {before!r} that a style could change")
            text = text.replace(before, after)
        if not self.changes:
            return self.target
        changed = folder / "target.toml"
        changed.write_text(text, encoding="utf-8")
        return changed


ASKED_BANKS = ("vnpay", "dvcqg", "onepay_domestic", "payos", "vietcombank_qn", "vietinbank_dn")
"""Those that answer a merchant's question about a payment."""

_CALLBACKS = {
    "vnpay": "vnpay",
    "dvcqg": "dvcqg/confirm",
    "onepay_domestic": "onepay_domestic",
    "payos": "payos",
    "vietcombank_qn": "vietcombank_qn",
    "vietinbank_dn": "vietinbank_dn",
}

STYLES: Mapping[str, Style] = {
    "listens and asks": Style(),
    "answers a duplicate like the first": Style(launch=("--duplicates", "confirmed")),
    "keeps what is overpaid, answers a duplicate with the bank's other code": Style(
        launch=("--overpayments", "kept", "--duplicates", "already-confirmed")
    ),
    "acknowledges first": Style(launch=("--style", "acks_first"), changes={"settle_s = 0": "settle_s = 3"}),
    "only asks": Style(
        changes={f'callback_url = "{{base_url}}/callbacks/{path}"\n': "" for path in _CALLBACKS.values()}
        | {"settle_s = 0": "settle_s = 3"}
    ),
    "asks when the payer returns": Style(launch=("--return-asks",)),
    "in Node, on the banks' own clients": Style(target=NODE),
    "in Node, acknowledges everything and judges it afterwards": Style(
        target=NODE,
        launch=("--acknowledge-first",),
        changes={
            "settle_s = 0": "settle_s = 3",
            'directory = "node"': f'directory = "{NODE.parent / "node"}"',
            "[policies]\n": '[policies]\nacknowledges = "first"\n',
        },
    ),
}
