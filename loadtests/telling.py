"""How long the banks' callbacks took, under the names by which reports and objectives know them."""

from collections.abc import Mapping

from simulator.client import SandboxClient

CALLBACK, LAG = "callback", "lag"
"""Until the connector answered one; until it had acknowledged what a payer had paid."""


def callback_times(sandbox: SandboxClient) -> dict[str, Mapping[int, int]]:
    """Milliseconds and how many took as long, since the sandbox was made. Raises ControlError."""
    times = sandbox.callback_times()
    return {CALLBACK: times.answered, LAG: times.told}
