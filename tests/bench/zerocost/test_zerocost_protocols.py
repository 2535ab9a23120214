"""What a zero-cost protocol takes from its classification protocol, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from backbones.errors import InputError
from bench.commands.cli import main
from bench.tasks.architectures import resolve
from bench.tasks.contract import Job
from bench.tasks.registry import load_protocol
from search.configs import config_names
from tests.bench.conftest import TINY_OPTIONS

TINY = TINY_OPTIONS["zerocost"]


@pytest.mark.parametrize("name", config_names("zerocost"))
def test_the_network_and_the_images_are_those_of_the_classification_protocol(name: str) -> None:
    _, protocol = load_protocol(name)
    kind = name.partition("/")[2]
    _, other = load_protocol(f"classification/{'imagenet_mobile' if kind == 'imagenet' else kind}")
    for key in ("network", "channels", "layers", "expected", "images"):
        assert protocol.config[key] == other.config[key]
    assert protocol.config["batch"] == {"size": 64, "seed": 0}


def test_how_the_classification_trains_is_no_part_of_a_score(on_mini_digits: Path) -> None:
    plain = load_protocol("zerocost/digits", TINY)[1]
    longer = load_protocol("zerocost/digits", (*TINY, "epochs=50", "optimiser.lr=0.5", "batch_size=7"))[1]
    assert longer.recorded == plain.recorded
    assert longer.reasons(pretrained=True) == plain.reasons(pretrained=True)
    assert "epochs" not in plain.recorded
    other = load_protocol("zerocost/digits", (*TINY, "batch.seed=1"))[1]
    assert other.recorded != plain.recorded


def test_a_batch_larger_than_the_data_is_one_line(on_mini_digits: Path) -> None:
    task, protocol = load_protocol("zerocost/digits", (*TINY, "batch.size=100000"))
    with pytest.raises(InputError, match=r"are fewer than batch\.size=100000") as caught:
        task.run(Job(protocol, resolve("PDARTS"), 0, on_mini_digits))
    assert "\n" not in str(caught.value)


def test_the_command_refuses_weights_and_says_a_hole_once(
    on_mini_digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (on_mini_digits / "some.pth").write_bytes(b"")
    where = ["evaluate", "timm:mobilenetv3_small_050", "--on", "zerocost/digits"]
    assert main([*where, "--weights", "some.pth"]) == 2
    assert "weights: zerocost scores networks at initialisation" in capsys.readouterr().err
    assert main([*where, "--seeds", "0", "1", "--cfg-options", *TINY]) == 0
    out = capsys.readouterr().out
    assert out.count("no GraSP of timm-mobilenetv3_small_050: no second derivative") == 1
    assert main(["table", "zerocost", "--format", "csv"]) == 0
    assert "jacob_cov" in capsys.readouterr().out
