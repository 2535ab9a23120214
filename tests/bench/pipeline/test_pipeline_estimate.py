"""The hours of a plan: by finished runs, by what a config says, by multiply-adds; and their sum."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.commands.cli import main
from bench.pipeline.arithmetic import stand_in
from bench.pipeline.assembly import Pipeline, load_pipeline
from bench.pipeline.estimate import Basis, Estimate, Estimator, hours_text, total
from bench.pipeline.survey import PipelineData
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.runs.run import Places
from bench.tasks.contract import given
from bench.tasks.registry import load_protocol
from search.configs import portable

PAPERS = ("pipelines/p_darts_paper", "pipelines/pc_darts_paper")

#: A stage of a plan: its title, whether its hours are rough, how many they are, and where they are from.
LINE = re.compile(r"^  no data     (\S.*?)  +(~?)([\d.,]+) GPU-h \((.*)\)$", re.MULTILINE)


@dataclass(frozen=True)
class Line:
    hours: float
    rough: bool
    source: str


@pytest.fixture(scope="module")
def plans(made_once: Callable[[str, Callable[[Path], None]], Path]) -> dict[str, str]:
    """What `--plan` prints of both papers, without records or data."""

    def plan(folder: Path) -> None:
        (folder / "empty").mkdir()
        for name in PAPERS:
            with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as out:
                patch.setenv("WILDNAS_DATA", str(folder / "empty"))
                assert main(["run", name, "--plan", "--results", str(folder / "results")]) == 0
            (folder / f"{Path(name).name}.txt").write_text(out.getvalue(), encoding="utf-8")

    folder = made_once("plans", plan)
    return {name: (folder / f"{Path(name).name}.txt").read_text(encoding="utf-8") for name in PAPERS}


def lines(text: str) -> dict[str, Line]:
    found = LINE.findall(text)
    return {title: Line(float(hours.replace(",", "")), bool(rough), source) for title, rough, hours, source in found}


@pytest.mark.parametrize(("name", "stages"), [(PAPERS[0], 121), (PAPERS[1], 123)])
def test_the_plan_of_a_paper_is_complete_and_ends_with_the_sum_of_its_lines(
    plans: dict[str, str], name: str, stages: int
) -> None:
    assert plans[name].startswith(f"{name}: {stages} stages\n")
    assert "unknown" not in plans[name]
    found = lines(plans[name]).values()
    assert len(found) == stages
    stated, rough = ([line.hours for line in found if line.rough is kind] for kind in (False, True))
    said = re.search(
        rf"^Left to do: {stages} stages, about ([\d,]+) GPU-hours: ([\d,]+) GPU-hours as stated \((\d+) stages\), "
        r"([\d,]+) GPU-hours by multiply-adds \((\d+) stages\)$",
        plans[name],
        re.MULTILINE,
    )
    assert said is not None
    numbers = [int(number.replace(",", "")) for number in said.groups()]
    assert [numbers[2], numbers[4]] == [len(stated), len(rough)]
    # Lines are rounded to tenths or whole hours.
    sums = [sum(stated) + sum(rough), sum(stated), sum(rough)]
    assert [numbers[place] for place in (0, 1, 3)] == [pytest.approx(each, abs=1, rel=0.002) for each in sums]


def test_weights_that_baselines_start_from_are_asked_for(plans: dict[str, str]) -> None:
    found = {name: re.findall(r"\S+/weights/(\S+): no such file", text) for name, text in plans.items()}
    shared = ["vgg16_caffe.pth", *(f"{name}_100.safetensors" for name in ("mobilenetv1", "mobilenetv2", "semnasnet"))]
    assert found[PAPERS[1]] == shared
    assert found[PAPERS[0]] == ["resnet50.safetensors", "resnet101.safetensors", *shared]
    assert all("{" not in text for text in plans.values())


def test_hours_by_multiply_adds_are_in_proportion(plans: dict[str, str]) -> None:
    hours = {title: line.hours for text in plans.values() for title, line in lines(text).items()}
    # P-DARTS 5.3.2: 576 hours for 250 epochs of 1,281,167 images at 557 M. On CIFAR-10 600 of 50,000: 0.0937 times as
    # many, at nearly as many multiply-adds.
    cifar = hours["classification/cifar10 · p_darts_cifar10 · seed 0"]
    assert cifar == pytest.approx(576 * (600 * 50_000) / (250 * 1_281_167), rel=0.05)
    # 64 channels in the place of 36: nearly the square of that, as pointwise convolutions are most of all.
    large = hours["classification/cifar10_large · p_darts_cifar10 · seed 0"]
    assert (64 / 36) ** 1.8 < large / cifar < (64 / 36) ** 2
    # SSD512 sees (512 / 320)² times the pixels of SSD320.
    small, big = (hours[f"detection/coco_ssd{size} · p_darts_cifar10 · seed 0"] for size in (320, 512))
    assert big / small == pytest.approx((512 / 320) ** 2, rel=0.05)
    # MSMT17 has 30,248 training images, Market-1501 12,936.
    market, msmt17 = (hours[f"reid/{name}_p3 · timm-resnet50, seed 0"] for name in ("market1501", "msmt17"))
    assert msmt17 / market == pytest.approx(30_248 / 12_936, rel=0.03)
    # The random space is P-DARTS' last stage alone: 590 of 202 + 442 + 590 M for as many epochs and images.
    space = hours["search/p_darts_cifar10_random_space · seed 0"]
    assert space == pytest.approx(4.5 * 590 / (202 + 442 + 590), abs=0.06)
    # 3 intermediate nodes have 9 edges, 4 have 14, 5 have 20.
    three, five = (hours[f"search/pc_darts_cifar10_nodes{nodes} · seed 0"] for nodes in (3, 5))
    assert 1.5 * 9 / 14 * 0.9 < three < 1.5 < five < 1.5 * 20 / 14 * 1.3


def test_dense_networks_have_a_reference_of_their_own(plans: dict[str, str]) -> None:
    found = lines(plans["pipelines/p_darts_paper"])
    assert "Goyal" in found["detection/coco_ssd300_vgg16 · timm-vgg16, seed 0"].source
    assert "Goyal" in found["reid/msmt17_p1 · timm-resnet50, seed 0"].source
    assert "P-DARTS 5.3.2" in found["detection/coco_ssdlite320 · timm-mobilenetv2_100, seed 0"].source
    assert "P-DARTS 5.3.2" in found["detection/coco_ssd320 · DARTS_V2, seed 0"].source
    # Goyal et al. 2017: 256 GPU-hours for 90 epochs at 4,120 M; P-DARTS Table 4: 31.4 B without extra layers and heads.
    least = 256 * (120 * 118_287) / (90 * 1_281_167) * 31_400 / 4_120
    assert least < found["detection/coco_ssd300_vgg16 · timm-vgg16, seed 0"].hours < 1.15 * least


def test_what_is_not_searched_yet_has_a_stand_in() -> None:
    stages = load_pipeline("pipelines/pc_darts_paper").stages
    expected = {
        # The best of five searches, and one of them.
        "classification/imagenet_mobile · best of 5 of pc_darts_cifar10": "PC_DARTS_cifar",
        "classification/cifar10 · pc_darts_cifar10 · seed 3": "PC_DARTS_cifar",
        "detection/coco_ssd320 · pc_darts_imagenet · seed 0": "PC_DARTS_image",
        "classification/cifar10 · darts_v1_cifar10 · seed 0": "DARTS_V1",
        # Nobody has published what the ablations have found.
        "classification/cifar10 · pc_darts_cifar10_k2 · seed 0": "DARTS_V2",
        "detection/coco_ssdlite320 · timm-semnasnet_100, seed 0": "timm-semnasnet_100",
    }
    found = {title.replace("search/", ""): stage for title, stage in stages.items()}
    for title, name in expected.items():
        stage = found[title]
        assert given(stand_in(stage.source)).name == name


def test_the_sum_says_what_it_rests_on() -> None:
    def known(hours: float, basis: Basis, device: Any = "GPU") -> Estimate:
        return Estimate(hours, device, "somewhere", basis)

    some = [
        known(1.5, Basis.RUNS, "CPU"),
        known(576, Basis.STATED),
        known(4, Basis.STATED),
        known(53, Basis.ARITHMETIC),
    ]
    assert total(some) == (
        "about 633 GPU-hours and 1.5 CPU-hours: 1.5 CPU-hours by finished runs (1 stage), "
        "580 GPU-hours as stated (2 stages), 53.0 GPU-hours by multiply-adds (1 stage)"
    )
    assert total([*some[3:], None, None]) == (
        "at least 53.0 GPU-hours: 53.0 GPU-hours by multiply-adds (1 stage); 2 of them of unknown duration"
    )
    assert total([None]) == "of unknown duration"


def estimates(pipeline: Pipeline, folder: Path) -> list[Estimate | None]:
    estimator = Estimator(pipeline, Places(folder / "results").store, PipelineData(), {})
    return [estimator.of(stage) for stage in pipeline.stages.values()]


def test_a_pipeline_without_a_reference_guesses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("task = 'pipeline'\nbaselines = ['PDARTS']\nretrain = 'classification/cifar10'\n")
    assert estimates(load_pipeline(str(file)), tmp_path) == [None]
    reference = "dict(hours=10, epochs=600, images=50_000, macs=555e6, source='me', device='CPU')"
    file.write_text(f"{file.read_text()}by_multiply_adds = dict(separable={reference})\n")
    (found,) = estimates(load_pipeline(str(file)), tmp_path)
    assert found is not None
    assert found.hours == pytest.approx(10, rel=0.02)
    assert str(found).startswith("~")
    assert str(found).endswith("CPU-h (by multiply-adds, from me)")
    # Of dense networks it says nothing.
    file.write_text(file.read_text().replace("PDARTS", "timm:resnet18"))
    assert estimates(load_pipeline(str(file)), tmp_path) == [None]


def test_hours_of_finished_runs_are_those_of_all_their_processes(
    tmp_path: Path, make_record: Callable[..., Record]
) -> None:
    """Device-hours: an hour on eight GPUs are eight."""
    store, protocol = RecordStore(tmp_path / "results"), load_protocol("classification/cifar10")[1]
    config = portable(protocol.recorded)

    def run(seed: int, hours: float, device: str = "A100", **changes: Any) -> None:
        environment = {"device": device, **changes.pop("environment", {})}
        cost = {**make_record().cost.model_dump(), "seconds": 3600 * hours}
        store.write(
            make_record(
                seed=seed,
                **{"protocol": protocol.name, "config": config, "environment": environment, "cost": cost, **changes},
            )
        )

    file = tmp_path / "mine.py"
    text = "task = 'pipeline'\nbaselines = ['PDARTS']\nretrain = 'classification/cifar10'\n"
    file.write_text(text)
    pipeline = load_pipeline(str(file))
    # Another config's, another protocol's and a CPU's are no estimate where a GPU's run is.
    run(7, 100, config={**config, "epochs": 1})
    run(8, 100, protocol="classification/cifar100")
    assert estimates(pipeline, tmp_path) == [None]
    run(0, 3, device="cpu")
    assert estimates(pipeline, tmp_path) == [Estimate(3, "CPU", "1 run on cpu", Basis.RUNS)]
    run(1, 1, environment={"processes": 8})
    assert estimates(pipeline, tmp_path) == [Estimate(8, "GPU", "1 run on A100", Basis.RUNS)]
    # What is said and not determined by the config does not matter.
    run(2, 2, config={**config, "reduced": ["of a sort"], "expected": {"images": 1}})
    run(3, 5, environment={"processes": 1})
    (found,) = estimates(pipeline, tmp_path)
    assert found == Estimate(5, "GPU", "median of 3 runs on A100", Basis.RUNS)
    # What the config states is for what has no runs of that device.
    expected = "dict(hours=36, device='GPU', source='Table 2')"
    file.write_text(f"{text}expected = {{'classification/cifar10': {expected}}}\n")
    assert estimates(load_pipeline(str(file)), tmp_path) == [found]
    for seed in (1, 2, 3):
        store.path(f"{protocol.name}/PDARTS/seed{seed}").unlink()
    assert estimates(load_pipeline(str(file)), tmp_path) == [Estimate(36, "GPU", "Table 2", Basis.STATED)]
    file.write_text(file.read_text().replace("'GPU'", "'CPU'"))
    assert estimates(load_pipeline(str(file)), tmp_path) == [Estimate(3, "CPU", "1 run on cpu", Basis.RUNS)]


@pytest.mark.parametrize(
    ("hours", "text"), [(1234.4, "1,234"), (100, "100"), (99.96, "100.0"), (1, "1.0"), (0.996, "1"), (0.0123, "0.012")]
)
def test_hours_are_written_as_exactly_as_they_are_known(hours: float, text: str) -> None:
    assert hours_text(hours) == text
