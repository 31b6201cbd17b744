"""An interrupt that comes while a process is started takes effect once its starter knows it."""

import signal

import pytest

from conformance.interrupts import interrupts_held


def test_an_interrupt_waits_until_what_was_begun_is_known() -> None:
    begun = []

    def start() -> None:
        with interrupts_held():
            signal.raise_signal(signal.SIGINT)
            begun.append("process")

    with pytest.raises(KeyboardInterrupt):
        start()
    assert begun == ["process"]


def test_handlers_are_as_before_and_a_failure_is_told_as_it_is() -> None:
    before = signal.getsignal(signal.SIGTERM)

    def start() -> None:
        with interrupts_held():
            raise FileNotFoundError("no such command")

    with pytest.raises(FileNotFoundError):
        start()
    assert signal.getsignal(signal.SIGTERM) is before
