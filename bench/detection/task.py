"""Object detection as a task: any architecture as an SSD backbone in MMDetection."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backbones.pretrained import Normalisation
from bench.detection.checkpoint import CHECKPOINT, save
from bench.detection.coco_data import find
from bench.detection.coco_evaluation import choose, describe
from bench.detection.cost import backbone_cost, detector_cost, training_workload
from bench.detection.normalising import normalisation, set_normalisation
from bench.detection.own_data import own_data
from bench.detection.pairs import config_text
from bench.detection.protocol import input_shape, validate
from bench.detection.speed import measure_speed
from bench.detection.training import network, resolve, score, train
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import DataReport, Job, Outcome, Protocol, Speed, Task, given
from bench.tasks.metrics import METRICS, TITLES
from bench.tasks.own_data import OwnData
from bench.tasks.workload import Workload
from search.training.parallel import is_main, main_first


class DetectionTask(Task):
    """A detector trained on a COCO data set and scored by COCO's metrics on its validation part.

    The papers train on trainval35k, which is COCO 2017's train2017, and validate on minival, its val2017. An area
    metric (`aps`, `apm`, `apl`) is left out of an outcome if the data have no object of that size. The cost is the
    backbone's at the input size, as in the papers' tables (P-DARTS, Table 4).
    """

    name = "detection"
    # Version 1 counted up to 1,000 detections of a category for all metrics but AP, and rounded to tenths.
    version = 2
    title = TITLES["detection"]
    metrics = METRICS["detection"]
    distributed = True
    silent = ("execution",)

    def neutral(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        return ("precision", *self.silent, *(f"{part}_dataloader.num_workers" for part in ("train", "val", "test")))

    def validate(self, config: Mapping[str, Any], where: str) -> dict[str, Any]:
        return validate(config, where)

    def normalisation(self, config: Mapping[str, Any]) -> Normalisation | None:
        return normalisation(config)

    def set_normalisation(self, config: dict[str, Any], by: Normalisation) -> None:
        set_normalisation(config, by)

    def config_text(self, protocol: Protocol, architecture: NamedArchitecture) -> str:
        return config_text(protocol, architecture)

    def check(self, protocol: Protocol) -> DataReport:
        return find(protocol.config).report()

    def own_data(self, config: Mapping[str, Any], folder: Path, work: Path) -> OwnData:
        return own_data(config, folder, work)

    def run(self, job: Job) -> Outcome:
        """Run a job as `Task.run` does; of several processes all call this, and the first writes the files."""
        data = find(job.protocol.config)
        config = resolve(job, data)
        runner = train(job, config)
        metrics = score(runner)
        detector = network(runner)
        with main_first():
            if is_main():
                save(detector, job, config, data)
        shape = input_shape(job.protocol.config)
        cost, whole = backbone_cost(detector, *shape), detector_cost(detector, *shape)
        report = data.val.counts("val")
        counts = {name: report[name] for name in ("val images", "val annotations")}
        evaluator = describe(choose())
        return Outcome(metrics, counts, cost, job.work_dir / CHECKPOINT, whole=whole, resolved={"evaluator": evaluator})

    def workload(
        self, protocol: Protocol, architecture: NamedArchitecture | None, counts: Mapping[str, int]
    ) -> Workload:
        return training_workload(protocol.config, given(architecture).design, counts)

    def speed(
        self, protocol: Protocol, architecture: NamedArchitecture | None, batch_size: int, repetitions: int = 5
    ) -> Speed:
        return measure_speed(protocol, given(architecture), batch_size, repetitions)
