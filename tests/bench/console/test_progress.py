"""The progress line: which stage of how many, how far, how long."""

from __future__ import annotations

import pytest

from bench.console import progress as progress_module
from bench.console.progress import Progress, clock


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3600, "1:00:00"), (3725, "1:02:05"), (-1, "0:00")]
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock_at(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress_module, "time", made)
    return made


def test_lines_of_a_log(capfd: pytest.CaptureFixture[str], clock_at: Clock) -> None:
    progress = Progress(["search/a", "classification/b"], [100.0, 50.0])
    with progress.stage(0) as stage:
        progress(0.0, "epoch 1 of 4")
        for second, fraction in ((10, 0.1), (20, 0.2), (40, 0.4)):
            clock_at.now = 1000.0 + second
            progress(fraction, "epoch 2 of 4")
        clock_at.now = 1200.0
        stage.note = "done, and well"
    with progress.stage(1):
        clock_at.now = 1220.0
        progress(0.01, "epoch 1 of 1")
        clock_at.now = 1240.0
        progress(0.21, "epoch 1 of 1")
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == "[1/2] search/a · started · all: about 2:30 left"
    # 0.1 to 0.4 took 30 s, so 0.6 take 60 s; the waiting stage is expected to take 50 s.
    assert "[1/2] search/a ·  40 % · epoch 2 of 4 · 1:00 left · all: about 1:50 left" in lines
    assert "[1/2] search/a · done, and well" in lines
    # 0.01 to 0.21 took 20 s, so 0.79 take 79 s; nothing waits behind it.
    assert "[2/2] classification/b ·  21 % · epoch 1 of 1 · 1:19 left" in lines
    assert lines[-1] == "[2/2] classification/b · done"


def test_the_pace_of_ended_stages_scales_the_waiting_ones(capfd: pytest.CaptureFixture[str], clock_at: Clock) -> None:
    progress = Progress(["a", "b", "c"], [10.0, 10.0, 100.0])
    with progress.stage(0):
        progress(0.1, "x")
        clock_at.now += 30
    # A stage that is found done says nothing of the machine.
    with progress.stage(1):
        pass
    with progress.stage(2):
        pass
    # 10 s were expected and 30 s taken: 100 s are 300 s here.
    assert "[2/3] b · started · all: about 5:30 left" in capfd.readouterr().err


def test_an_unknown_stage_makes_the_rest_at_least(capfd: pytest.CaptureFixture[str], clock_at: Clock) -> None:
    progress = Progress(["a", "b", "c"], [None, 30.0, None])
    with progress.stage(0):
        progress(0.5, "x")
        clock_at.now += 20
        progress(0.75, "x")
    assert "0:20 left · all: at least 0:50 left" in capfd.readouterr().err


def test_a_stage_that_is_done_has_one_line(capfd: pytest.CaptureFixture[str], clock_at: Clock) -> None:
    with Progress(["a"], [10.0]).stage(0, done=True) as stage:
        stage.note = "done before"
    assert capfd.readouterr().err == "[1/1] a · done before\n"


def test_the_last_stage_has_nothing_behind_it(capfd: pytest.CaptureFixture[str], clock_at: Clock) -> None:
    with Progress(["a"], [10.0]).stage(0):
        pass
    assert capfd.readouterr().err.splitlines()[0] == "[1/1] a · started"


def test_an_error_passes_through(clock_at: Clock) -> None:
    with pytest.raises(RuntimeError, match="no"), Progress(["a"]).stage(0):
        raise RuntimeError("no")
