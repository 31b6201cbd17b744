"""What is said of faults to a person: all of them in a line each, or all of one."""

import json
import textwrap

from simulator.faults.kind import AnyFault, Side
from simulator.faults.listing import FAULTS
from simulator.faults.rule import SETTINGS, Fault

WIDTH = 110

_SIDES = {
    Side.ANSWER: "the bank answers a connector / ngân hàng trả lời cổng thanh toán",
    Side.CALLBACK: "the bank tells the connector / ngân hàng báo cho cổng thanh toán",
    Side.PAYER: "the payer / người nộp tiền",
    Side.REFUND: "refunds / hoàn tiền",
}

_RULES = """\
  where: bank, operation, merchant_code, order_ref (each empty = all)
  how often: skip (so many pass first), times (so many are hit, 0 = all), probability (by the sandbox's seed)"""


def listed() -> str:
    """Every fault in one line, by side, with the number by which an amount asks for it."""
    width = max(len(kind) for kind in FAULTS)
    lines = []
    for side, title in _SIDES.items():
        lines += ["", f"-- {title}"]
        for each in FAULTS.values():
            if each.side is side:
                number = f"({each.number})" if each.number else ""
                opening = f"{each.kind:<{width}} {number:>4}  "
                lines.append(opening + each.en)
    return "\n".join(lines[1:])


def told(fault: AnyFault, bank: str = "vnpay") -> str:
    """All of one, with examples at a bank that it can strike."""
    number = f", number {fault.number}" if fault.number else ""
    lines = [f"{fault.kind} ({fault.side}{number})", "", *_wrapped(fault.en), *_wrapped(fault.vi), ""]
    if fault.settings:
        lines.append("  settings:")
        lines += [f"    {name:<17} {SETTINGS[name][0]} (usually {_usual(fault, name)})" for name in fault.settings]
    lines += [_RULES, "", "  ask for it"]
    shown = {name: _usual(fault, name) for name in fault.settings[:1]}
    body = json.dumps({"kind": fault.kind, "bank": bank} | shown)
    arguments = "".join(f", {name}={value!r}" for name, value in shown.items())
    header = "".join(f"; {name}={value}" for name, value in shown.items())
    lines += [
        f"    control API   POST /_control/sandboxes/NAME/faults {body}",
        f'    Python        sandbox.add_fault("{fault.kind}", bank="{bank}"{arguments})',
        f"    header        X-Banksim-Fault: {fault.kind}{header}",
        "                  on the connector's own request, in a sandbox of its own (not `default`)",
    ]
    if fault.number:
        asked = f"an amount that ends in 9{fault.number:02}, such as {50_900 + fault.number}: serve --faults-by-amount"
        lines.append(f"    amount        {asked}")
    return "\n".join(lines)


def _usual(fault: AnyFault, name: str) -> object:
    return fault.defaults.get(name, getattr(Fault(fault_id="", kind=fault.kind), name))


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH - 2, initial_indent="  ", subsequent_indent="  ")
