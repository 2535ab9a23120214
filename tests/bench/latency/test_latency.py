"""Latencies as records, as a column and as a plot; a device for each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from backbones.errors import InputError
from bench.commands import speed_task
from bench.commands.cli import main
from bench.latency import measure
from bench.latency.measure import RUNTIMES, latency_protocol, record_latencies
from bench.latency.networks import deployed
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.report.scatters import latency_figure
from bench.tables.latencies import Runtime, choose_runtime, with_latencies
from bench.tables.rows import measured_rows
from bench.tasks.architectures import resolve
from bench.tasks.metrics import METRICS
from bench.tasks.registry import load_protocol
from tests.bench.conftest import TINY_OPTIONS, TINY_PROTOCOLS

MakeRecord = Callable[..., Record]
HERE, THERE = "Chip A, 1 threads", "Chip B, 1 threads"


def timed(make_record: MakeRecord, name: str, value: float, device: str = HERE, **config: Any) -> Record:
    """A record of a latency of PDARTS or of a timm model."""
    architecture: dict[str, Any] = {"name": name, "genotype": None, "timm": name, "digest": None}
    if name == "PDARTS":
        architecture = make_record().architecture.model_dump()
    return make_record(
        task="latency",
        protocol=latency_protocol("classification/digits", "eager", device),
        architecture=architecture,
        config={"on": "classification/digits", "runtime": "eager", "device": device, **config},
        metrics={"latency": {"value": value, "unit": "ms", "higher_is_better": False}},
    )


@pytest.mark.parametrize("kind", ["classification", "detection", "reid"])
def test_the_whole_network_of_a_protocol_is_what_is_timed(kind: str) -> None:
    _, protocol = load_protocol(TINY_PROTOCOLS[kind], TINY_OPTIONS[kind])
    networks = deployed(kind, protocol, resolve("PDARTS"))
    for network, count in ((networks.single, 1), (networks.batched, 3)):
        found = network.network(measure.trial_images(count, network.shape))
        assert len(found) == (len(network.outputs) if isinstance(found, tuple) else count)
    assert networks.cost.params > 0
    assert networks.batched.batched
    with pytest.raises(InputError, match="zerocost: its networks are not deployed"):
        deployed("zerocost", protocol, resolve("PDARTS"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--record", "--kernels"], "--kernels counts, which no record keeps"),
        (["--record", "--json"], "leave --json and --plain out"),
        (["--runtimes", "onnxruntime"], "--runtimes is of --record, which is missing"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["speed", "classification", "PDARTS", "--on", "classification/digits", *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_task_without_deployment_is_known_before_the_first_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speed", "zerocost", "PDARTS", "--on", "zerocost/digits", "--record"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "zerocost: its networks are not deployed; expected classification, detection, reid" in line


def test_a_latency_is_kept_with_its_device_and_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # In this process: a second one would import everything again.
    monkeypatch.setattr(measure, "isolated", lambda call, *arguments, hint: call(*arguments))
    told: list[str] = []
    what = (
        "classification",
        ["PDARTS"],
        ["classification/digits"],
        TINY_OPTIONS["classification"],
        ["eager", "eager"],
        4,
        2,
    )
    (record,) = record_latencies(*what, told.append, tmp_path)
    assert told == ["PDARTS on classification/digits, eager …"]
    assert RecordStore(tmp_path).find(record.name) == record
    assert record.counts == {"passes": 20, "batches": 2}
    assert record.config["on"] == "classification/digits"
    plain = latency_protocol("classification/digits", "eager", record.config["device"])
    # A changed network does not take the place of the protocol's own.
    assert record.protocol.startswith(f"{plain}-")
    assert len(record.protocol) == len(plain) + 9
    values = {key: metric.value for key, metric in record.metrics.items()}
    assert 0 < values["latency_p10"] <= values["latency"] <= values["latency_p90"]
    assert values["throughput"] > 0
    assert {metric.key for metric in METRICS["latency"]} == set(values)
    # Measured again, it takes the place of the first.
    record_latencies(*what, told.append, tmp_path)
    assert len(list((tmp_path / "records").rglob("*.json"))) == 1
    with pytest.raises(InputError, match="runtime 'lazy': expected one of eager, compiled, onnxruntime"):
        record_latencies(*what[:4], ["lazy"], 4, 2, told.append, tmp_path)
    assert speed_task.RUNTIMES == RUNTIMES


def test_a_table_has_the_latency_of_a_named_device(
    make_record: MakeRecord, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = RecordStore(tmp_path)
    # Weights of the same network do not change its latency.
    named = {**make_record().architecture.model_dump(), "name": "PDARTS-w12345678"}
    store.write(make_record(architecture=named))
    for record in (timed(make_record, "PDARTS", 1.5), timed(make_record, "PDARTS", 99.0, THERE)):
        store.write(record)
    argv = ["table", "classification", "--measured", "--results", str(tmp_path), "--latency", "eager"]
    assert main([*argv, HERE, "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert row["latency_ms"] == 1.5
    assert main([*argv, "chip b*"]) == 0
    text = capsys.readouterr().out
    assert "Latency (ms)" in text
    assert "99.00" in text
    assert f"eager, {THERE}" in text
    assert main([*argv, "*"]) == 2
    assert "several devices, whose latencies never share a column" in capsys.readouterr().err
    assert main([*argv, "abacus"]) == 2
    assert "no latency of these; there are eager, Chip A, 1 threads; eager, Chip B" in capsys.readouterr().err
    # The latencies themselves: a group for each device.
    assert main(["table", "latency", "--results", str(tmp_path), "--format", "json"]) == 0
    assert {row["protocol"] for row in json.loads(capsys.readouterr().out)["rows"]} == {
        "latency/classification-digits-eager-chip-a-1-threads",
        "latency/classification-digits-eager-chip-b-1-threads",
    }


def test_a_changed_network_s_latency_is_not_that_of_the_protocol(make_record: MakeRecord) -> None:
    full, own = timed(make_record, "PDARTS", 9.0), timed(make_record, "PDARTS", 1.0)
    own = own.model_copy(update={"reduced": ["option channels=4", "option layers=3"]})
    metrics = {"top1_error": {"value": 5.0, "unit": "%", "higher_is_better": False}}

    def shown(*reduced: str) -> float | None:
        rows = measured_rows([make_record(metrics=metrics, reduced=list(reduced))], METRICS["classification"])
        (row,) = with_latencies(rows, [own, full], Runtime("eager", HERE))
        return row.value("latency_ms")

    assert shown() == shown("option epochs=1", "few images") == 9.0
    assert shown("option layers=3", "option epochs=1", "option channels=4") == 1.0
    assert shown("option channels=8") is None


def test_onnx_runtime_on_the_cpu_is_not_kept_as_the_gpu_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(InputError, match="onnxruntime: computes on the CPU, but this machine's latencies are those of"):
        measure._confirm_device(["CPUExecutionProvider"])
    measure._confirm_device(["CUDAExecutionProvider", "CPUExecutionProvider"])


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["table", "latency", "--latency", "eager", "*"], "latency: no column of latency; expected a table of"),
        (["speed", "reid", "--record"], "speed reid: expected ARCH and --on PROTOCOL"),
        (["speed", "reid", "PDARTS", "--on", "reid/digits_p3", "--record", "--json"], "leave --json and --plain out"),
    ],
)
def test_options_that_would_change_nothing_are_refused(
    argv: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 2
    assert said in capsys.readouterr().err


def test_without_latencies_the_way_to_some_is_said() -> None:
    with pytest.raises(InputError, match=r"there are none \(`wildnas speed … --record` makes some\)"):
        choose_runtime([], "eager", "*")


def test_the_pareto_front_joins_what_is_fastest_or_best(make_record: MakeRecord) -> None:
    errors = {"PDARTS": 5.0, "resnet18": 4.0, "resnet34": 6.0, "resnet50": 3.0}
    records = []
    for name, error in errors.items():
        architecture = timed(make_record, name, 1.0).architecture.model_dump()
        metrics = {"top1_error": {"value": error, "unit": "%", "higher_is_better": False}}
        records.append(make_record(architecture=architecture, metrics=metrics))
    latencies = [
        timed(make_record, name, value)
        for name, value in {"PDARTS": 1.0, "resnet18": 2.0, "resnet34": 3.0, "resnet50": 4.0}.items()
    ]
    latencies.append(timed(make_record, "PDARTS", 7.0, THERE))
    rows = {"classification": measured_rows(records, METRICS["classification"])}
    (panel,) = latency_figure(rows, latencies, lambda row: "").panels
    assert panel.title == f"classification/digits · eager, {HERE}"
    points, front = panel.series
    assert {(point.x, point.y) for point in points.points} == {(1.0, 5.0), (2.0, 4.0), (3.0, 6.0), (4.0, 3.0)}
    assert [(point.x, point.y) for point in front.points] == [(1.0, 5.0), (2.0, 4.0), (4.0, 3.0)]
    other = with_latencies(rows["classification"], latencies, Runtime("eager", THERE))
    assert sorted(row.value("latency_ms") or 0 for row in other) == [0, 0, 0, 7.0]
