"""Re-identification as a task: PCB over any architecture, trained and scored by torchreid's machinery."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch

from backbones import weights
from backbones.build import build_backbone
from backbones.cost import measure
from backbones.design import Design
from backbones.errors import InputError
from backbones.features import CellBackbone
from backbones.timm_backbone import TimmBackbone
from bench.architectures import Architecture
from bench.contract import DataReport, Job, Metric, Outcome, Protocol, Speed, Task
from bench.embedded import ensure_embedded
from bench.metrics import METRICS, TITLES
from bench.reid.layout import Image, Listing, read_layout
from bench.reid.pcb import PCB
from bench.reid.resume import FILE_NAME, ResumePoint
from bench.reid.schema import ReidConfig
from search.configs import parse, portable
from search.fingerprint import fingerprint
from search.training import seed_everything

_LOG = logging.getLogger(__name__)

#: Identities of the classifiers when only speed is measured: Market-1501's.
_MARKET_IDENTITIES = 751


class ReidTask(Task):
    """Market-1501, DukeMTMC-reID and MSMT17, or any data set in their layouts."""

    name: ClassVar[str] = "reid"
    title: ClassVar[str] = TITLES["reid"]
    metrics: ClassVar[tuple[Metric, ...]] = METRICS["reid"]

    def validate(self, config: Mapping[str, Any], where: str) -> dict[str, Any]:
        return parse(ReidConfig, config, where).model_dump()

    def check(self, protocol: Protocol) -> DataReport:
        config = _config(protocol)
        listing = _data(config)
        splits = {"train": listing.train, "query": listing.query, "gallery": listing.gallery}
        counts = {f"{split} images": len(images) for split, images in splits.items()}
        counts |= {f"{split} identities": len(_identities(images)) for split, images in splits.items()}
        counts |= {"distractor images": listing.distractors, "junk images": listing.junk}
        files = [Path(file) for images in splits.values() for file, _, _ in images]
        empty = [file for file in files if file.stat().st_size == 0]
        if empty:
            raise InputError(f"{empty[0]}: an empty file, not an image")
        return DataReport(counts, fingerprint(listing.folder, files, listing.annotations))

    def run(self, job: Job) -> Outcome:
        from bench.reid.data import build_datamanager
        from bench.reid.engine import PcbEngine, build_optimisation

        config = _config(job.protocol)
        listing = _data(config)
        # Weights are drawn from a seed that no epoch of the training is seeded by.
        seed_everything(job.seed, config.epochs)
        pcb = build_pcb(config, job.architecture.design, len(_identities(listing.train)))
        if job.weights is not None:
            report = weights.load(pcb.backbone, job.weights, job.architecture.design)
            _LOG.info("backbone from %s: %s", job.weights, report)
        pcb = pcb.cuda() if torch.cuda.is_available() else pcb
        about = {
            "protocol": job.protocol.name,
            "genotype": job.architecture.design.digest,
            "seed": job.seed,
            "pretrained": job.weights is not None,
            **portable(dict(job.protocol.config)),
        }
        optimiser, scheduler = build_optimisation(pcb, config, pretrained=job.weights is not None)
        engine = PcbEngine(
            build_datamanager(config),
            pcb,
            optimiser,
            scheduler,
            config.label_smooth,
            job.seed,
            ResumePoint(job.work_dir / FILE_NAME, about),
            job.progress,
        )
        ranking = engine.fit(config.epochs, job.work_dir)
        return Outcome(
            metrics={f"rank{rank}": 100 * share for rank, share in ranking.cmc.items()}
            | {"map": 100 * ranking.mean_average_precision},
            counts={
                "query": ranking.queries,
                "gallery": len(listing.gallery),
                "identities": len(_identities(listing.query)),
                "queries_without_match": ranking.queries_without_match,
            },
            cost=measure(backbone_of(config, job.architecture.design), (3, config.height, config.width)),
            checkpoint=weights.save(
                pcb, job.work_dir / "checkpoint.pth", job.architecture.design, protocol=job.protocol.name
            ),
        )

    def speed(self, protocol: Protocol, architecture: Architecture, batch_size: int, repetitions: int = 5) -> Speed:
        from bench.reid.speed import measure_speed

        config = _config(protocol)
        pcb = build_pcb(config, architecture.design, _MARKET_IDENTITIES)
        return measure_speed(pcb, _MARKET_IDENTITIES, config, batch_size, repetitions)


def backbone_of(config: ReidConfig, design: Design) -> CellBackbone | TimmBackbone:
    """The network without a classifier, down to the last map."""
    return build_backbone(
        design,
        channels=config.channels,
        layers=config.layers,
        out_strides=(32,),
        last_stride=config.last_stride,
    )


def build_pcb(config: ReidConfig, design: Design, identities: int) -> PCB:
    """PCB over a genotype's or a timm model's backbone, for so many training identities."""
    backbone = backbone_of(config, design)
    return PCB(backbone, identities, config.parts, config.reduced_dim, config.feature, config.dropout)


def _config(protocol: Protocol) -> ReidConfig:
    return parse(ReidConfig, protocol.config, str(protocol.path))


def _data(config: ReidConfig) -> Listing:
    """The listing of a protocol's data, made first if embedded; what training would stumble over is refused here."""
    root = Path(config.data_root)
    ensure_embedded(config.embedded)
    listing = read_layout(config.dataset, root)
    if len(listing.train) < config.batch_size:
        # torchreid leaves out the last, smaller batch: there would be none.
        raise InputError(
            f"{listing.folder}: {len(listing.train)} training images do not fill one batch; batch_size="
            f"{config.batch_size} can be {len(listing.train)} at the most"
        )
    cameras = {identity: set[int]() for _, identity, _ in listing.gallery}
    for _, identity, camera in listing.gallery:
        cameras[identity].add(camera)
    if not any(cameras.get(identity, set()) - {camera} for _, identity, camera in listing.query):
        raise InputError(f"{listing.folder}: no query has an image of its identity from another camera in the gallery")
    return listing


def _identities(images: list[Image]) -> set[int]:
    return {identity for _, identity, _ in images}
