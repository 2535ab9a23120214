"""A signal to stop is a KeyboardInterrupt, whatever becomes of it on the way."""

from __future__ import annotations

import os
import signal

import pytest

from bench.console.interruption import SIGNALS, Interruption, interrupted


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_interrupts_and_the_handlers_come_back(number: int) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    with pytest.raises(KeyboardInterrupt), Interruption():
        os.kill(os.getpid(), number)
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_an_interrupt_that_a_library_renames_is_one_still() -> None:
    def library() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            raise SyntaxError("failed to format") from None

    with pytest.raises(KeyboardInterrupt) as caught, Interruption():
        library()
    assert isinstance(caught.value.__cause__, SyntaxError)


def test_errors_without_a_signal_stay_what_they_are() -> None:
    with pytest.raises(SyntaxError), Interruption():
        raise SyntaxError


def test_a_signal_is_known_to_those_who_stop_errors() -> None:
    def stopped() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            assert interrupted()
            raise

    with pytest.raises(KeyboardInterrupt), Interruption():
        stopped()
    assert not interrupted()
