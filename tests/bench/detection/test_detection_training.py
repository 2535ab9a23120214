"""What is written and kept up while a detector trains: bfloat16, curves, exact resume, several processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import RuntimeInfoHook
from mmengine.runner import Runner
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

import bench.detection.components
from backbones import weights
from backbones.errors import InputError
from bench.detection.coco_data import find
from bench.detection.components import build_detector
from bench.detection.precision import WildnasBf16OptimWrapper, keep_losses_full
from bench.detection.speed import made_batch
from bench.detection.task import DetectionTask
from bench.detection.training import resolve as resolve_config
from bench.tasks.architectures import resolve
from bench.tasks.contract import Job, Protocol
from search.configs import plain
from search.training.deferred import DeferredRuntimeInfoHook
from search.training.hooks import PeakLogProcessor

ROOT = Path(__file__).resolve().parents[3]
Make = Callable[..., Protocol]
PDARTS = resolve("PDARTS")


def read(file: Path | None) -> dict[str, Tensor]:
    assert file is not None
    return weights.read_state_dict(file)


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(value, b[name]) for name, value in a.items())


def test_bf16_is_trained_and_leaves_full_weights(make_protocol: Make, made_coco: Path, tmp_path: Path) -> None:
    protocol = make_protocol(made_coco, "precision=bf16", "train_cfg.max_epochs=1")
    state = read(DetectionTask().run(Job(protocol, PDARTS, 0, tmp_path / "job")).checkpoint)
    assert {value.dtype for value in state.values()} == {torch.float32, torch.int64}


def test_bf16_is_for_the_maps_and_not_for_the_losses(make_protocol: Make, made_coco: Path) -> None:
    torch.manual_seed(0)
    detector = build_detector(plain(make_protocol(made_coco).config["model"]))
    keep_losses_full(detector)
    detector.init_weights()
    kinds: dict[str, torch.dtype] = {}
    detector.neck.register_forward_hook(lambda module, inputs, maps: kinds.update(neck=maps[-1].dtype))
    detector.bbox_head.register_forward_hook(lambda module, inputs, maps: kinds.update(head=maps[0][0].dtype))
    batch = detector.data_preprocessor(made_batch(2, 64, 64, 80), training=True)
    wrapper = WildnasBf16OptimWrapper(optimizer=torch.optim.SGD(detector.parameters(), lr=0.1))
    with wrapper.optim_context(detector):
        loss = detector.parse_losses(detector(**batch, mode="loss"))[0]
    assert kinds == {"neck": torch.bfloat16, "head": torch.float32}
    plain_loss = detector.parse_losses(detector(**batch, mode="loss"))[0]
    assert kinds == {"neck": torch.float32, "head": torch.float32}
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(plain_loss.item(), rel=0.02)
    assert loss.item() != plain_loss.item()


def test_a_precision_that_cannot_be_had_is_refused(make_protocol: Make, made_coco: Path, tmp_path: Path) -> None:
    protocol = make_protocol(made_coco)
    data = find(protocol.config)

    def resolved(key: str, changed: dict[str, Any], **others: Any) -> None:
        config = {**protocol.config, key: {**protocol.config[key], **changed}, **others}
        resolve_config(Job(Protocol(protocol.name, protocol.path, config), PDARTS, 0, tmp_path / "job"), data)

    with pytest.raises(InputError, match=r"precision='bf16' needs .*, not 'AmpOptimWrapper'"):
        resolved("optim_wrapper", {"type": "AmpOptimWrapper"}, precision="bf16")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match=r"'AmpOptimWrapper' needs a GPU; precision='bf16'"):
            resolved("optim_wrapper", {"type": "AmpOptimWrapper"})
    with pytest.raises(InputError, match=r"val_evaluator: unknown key 'classwise'"):
        resolved("val_evaluator", {"classwise": True})
    with pytest.raises(InputError, match=r"val_evaluator.type='VOCMetric': expected 'CocoMetric'"):
        resolved("val_evaluator", {"type": "VOCMetric"})


def test_every_run_has_its_curves_and_its_log(make_protocol: Make, made_coco: Path, tmp_path: Path) -> None:
    """Two runs in one process, as a pipeline has them."""
    protocol = make_protocol(made_coco, "train_cfg.max_epochs=1", "default_hooks.logger.interval=1")
    for seed in (0, 1):
        folder = tmp_path / str(seed)
        DetectionTask().run(Job(protocol, PDARTS, seed, folder))
        events = {file.parent for file in folder.rglob("events.out.tfevents.*")}
        assert len(events) == 1
        curves = EventAccumulator(str(events.pop())).Reload()
        losses = curves.Scalars("loss")
        # Six images that have a box, in batches of four.
        assert [loss.step for loss in losses] == [1, 2]
        assert all(loss.value > 0 for loss in losses)
        (scored,) = curves.Scalars("coco/bbox_mAP")
        assert scored.value >= 0
        (log,) = folder.rglob("*.log")
        # Of every step, though numbers are read from the device at the log's interval.
        assert len(re.findall(r"Epoch\(train\).* loss: \d", log.read_text(encoding="utf-8"))) == 2
        assert "on 4 images, by faster-coco-eval 1." in log.read_text(encoding="utf-8")


def test_a_record_has_the_peak_of_the_whole_run_and_losses_wait_for_the_log(
    make_protocol: Make, made_coco: Path
) -> None:
    """mmengine's own log processor resets a GPU's peak at every line; its own hook reads every loss at once."""
    protocol = make_protocol(made_coco, "default_hooks.logger.interval=7")
    config = resolve_config(Job(protocol, PDARTS, 0, made_coco), find(protocol.config))
    runner = Runner.from_cfg(config)
    assert type(runner.log_processor) is PeakLogProcessor
    (hook,) = [each for each in runner.hooks if isinstance(each, RuntimeInfoHook)]
    assert type(hook) is DeferredRuntimeInfoHook
    assert hook.interval == 7
    # MMDetection's own tools build what the written config names, after its imports.
    assert Config.fromstring(config.pretty_text, ".py").to_dict() == config.to_dict()
    assert {"bench.detection.components"} <= set(config.custom_imports["imports"])
    assert bench.detection.components.RUNTIME_INFO in config.pretty_text


SCRIPT = """
import json, shutil, sys
from pathlib import Path
from bench.tasks.architectures import resolve
from bench.tasks.contract import Job, Protocol
from bench.detection.task import DetectionTask
from search.configs import load_config
from search.training.parallel import main_first, process_group, rank

folder = Path(sys.argv[1])
loaded = load_config(str(folder / "tiny.py"))
task = DetectionTask()
protocol = Protocol("detection/tiny", loaded.path, task.validate(loaded.values, loaded.name))
with process_group("pytorch"):
    whole = task.run(Job(protocol, resolve("PDARTS"), 0, folder / "whole"))
    with main_first():
        if rank() == 0:
            # As if it had been interrupted in the second epoch.
            (folder / "halves").mkdir()
            shutil.copy(folder / "whole" / "epoch_1.pth", folder / "halves")
            (folder / "halves" / "last_checkpoint").write_text("epoch_1.pth")
    halves = task.run(Job(protocol, resolve("PDARTS"), 0, folder / "halves"))
    said = [[outcome.metrics, str(outcome.checkpoint)] for outcome in (whole, halves)]
    (folder / f"{rank()}.json").write_text(json.dumps(said))
"""


def test_two_processes_train_one_detector(make_protocol: Make, made_coco: Path, tmp_path: Path) -> None:
    """Both end with the same, and an interrupted run with the same as one that was not."""
    make_protocol(made_coco)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
            *(str(script), str(tmp_path)),
        ],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    first, second = (json.loads((tmp_path / f"{process}.json").read_text(encoding="utf-8")) for process in (0, 1))
    assert first == second
    assert first[0][0] == first[1][0]
    state = read(tmp_path / "whole" / "checkpoint.pth")
    assert same(read(tmp_path / "halves" / "checkpoint.pth"), state)
    assert all(bool(torch.isfinite(value).all()) for value in state.values())
    # Six images are two batches an epoch for one process, and one for each of two: the second iteration was the last.
    saved = torch.load(tmp_path / "whole" / "epoch_2.pth", weights_only=True)
    assert saved["message_hub"]["runtime_info"]["iter"] == 1
    # Nothing is left lying about.
    assert not (tmp_path / ".dist_test").exists()
    assert not (tmp_path / "whole" / "collected").exists()
