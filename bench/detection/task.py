"""Object detection as a task: any architecture as an SSD backbone in MMDetection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.architectures import Architecture
from bench.contract import DataReport, Job, Outcome, Protocol, Speed, Task
from bench.metrics import METRICS, TITLES


class DetectionTask(Task):
    """SSD trained on a COCO data set and scored by COCO's metrics on its validation part.

    An area metric (`aps`, `apm`, `apl`) is left out of an outcome where no object of that size is there to find.
    The cost is the backbone's at the input size, as in the papers' tables (P-DARTS, Table 4).
    """

    name = "detection"
    title = TITLES["detection"]
    metrics = METRICS["detection"]

    def validate(self, config: Mapping[str, Any], where: str) -> dict[str, Any]:
        from bench.detection.protocol import validate

        return validate(config, where)

    def check(self, protocol: Protocol) -> DataReport:
        from bench.detection.data import find

        return find(protocol.config).report()

    def run(self, job: Job) -> Outcome:
        import bench.detection.components  # noqa: F401 - registers the components, with the stand-in for mmcv's module
        from backbones import weights
        from backbones.cost import measure
        from bench.detection.data import find
        from bench.detection.training import network, resolve, score, train

        data = find(job.protocol.config)
        config = resolve(job, data)
        runner = train(job, config)
        metrics = score(runner, data)
        detector = network(runner)
        backbone = detector.get_submodule("backbone")
        size = job.protocol.config["model"]["input_size"]
        checkpoint = weights.save(
            detector,
            job.work_dir / "checkpoint.pth",
            task=self.name,
            protocol=job.protocol.name,
            design=job.architecture.design,
            seed=job.seed,
            categories=list(data.val.categories),
        )
        counts = {"val images": len(data.val.images), "val annotations": data.val.boxes}
        return Outcome(metrics, counts, measure(backbone, (3, size, size)), checkpoint)

    def speed(self, protocol: Protocol, architecture: Architecture, batch_size: int, repetitions: int = 5) -> Speed:
        from bench.detection.speed import measure_speed

        return measure_speed(protocol, architecture, batch_size, repetitions)
