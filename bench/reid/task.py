"""Re-identification as a task: PCB over any architecture, trained by torchreid."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch

from backbones import weights
from backbones.errors import InputError
from backbones.pretrained import Normalisation
from bench.digits.recipe import ensure_embedded
from bench.reid.data_sets import read_layout
from bench.reid.listing import Listing, cameras_of, identities_of
from bench.reid.market import EXPECTED, GALLERY, QUERY, TRAIN
from bench.reid.model import Costs, build_pcb, measure_costs, training_workload
from bench.reid.pcb import PCB
from bench.reid.ranking import Ranking
from bench.reid.resume import FILE_NAME, ResumePoint
from bench.reid.schema import ReidConfig
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import DataReport, Job, Metric, Outcome, Protocol, Speed, Task, given
from bench.tasks.metrics import METRICS, TITLES
from bench.tasks.own_data import OwnData, as_options, require
from bench.tasks.workload import Workload
from search.configs import parse, portable
from search.data.checking import check_images
from search.data.fingerprint import fingerprint
from search.data.names import as_counts
from search.training.seeds import seed_everything

_LOG = logging.getLogger(__name__)

#: Identities of the classifiers for measuring speed, as in Market-1501.
_MARKET_IDENTITIES = 751


class ReidTask(Task):
    """Market-1501, DukeMTMC-reID, MSMT17 and CUHK03, or any data set in Market-1501's layout."""

    name: ClassVar[str] = "reid"
    version: ClassVar[int] = 2
    title: ClassVar[str] = TITLES["reid"]
    metrics: ClassVar[tuple[Metric, ...]] = METRICS["reid"]
    scores_weights: ClassVar[bool] = True
    silent: ClassVar[tuple[str, ...]] = ("execution",)

    def neutral(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        how = ("precision", "workers", "test_batch_size", *self.silent)
        # Other data show in their counts, if the protocol has expected ones.
        return (*how, "data_root") if config.get("expected") else how

    def validate(self, config: Mapping[str, Any], where: str) -> dict[str, Any]:
        parsed = parse(ReidConfig, config, where)
        # A dump leaves out what does not change the result; a run needs it.
        return {**parsed.model_dump(), "execution": parsed.execution.model_dump()}

    def normalisation(self, config: Mapping[str, Any]) -> Normalisation | None:
        return parse(ReidConfig, config, "config").normalisation

    def set_normalisation(self, config: dict[str, Any], by: Normalisation) -> None:
        config.update(mean=list(by.mean), std=list(by.std))

    def check(self, protocol: Protocol) -> DataReport:
        listing = _data(_config(protocol))
        splits = {"train": listing.train, "query": listing.query, "gallery": listing.gallery}
        counts = {f"{split} images": len(images) for split, images in splits.items()}
        counts |= {f"{split} identities": len(identities_of(images)) for split, images in splits.items()}
        odd = {
            "distractor images": listing.distractors,
            "junk images": listing.junk,
            "queries without a match": len(listing.unmatched()),
            "train identities of one camera": sum(len(seen) == 1 for seen in cameras_of(listing.train).values()),
        }
        counts |= {name: count for name, count in odd.items() if count}
        counts |= as_counts(listing.passed_over)
        files = [Path(file) for images in splits.values() for file, _, _ in images]
        empty = [file for file in files if file.stat().st_size == 0]
        if empty:
            raise InputError(f"{empty[0]}: an empty file; expected an image")
        return DataReport(counts, fingerprint(listing.folder, files, listing.annotations))

    def look(self, protocol: Protocol) -> None:
        listing = _data(_config(protocol))
        images = {file for part in (listing.train, listing.query, listing.gallery) for file, _, _ in part}
        check_images([(Path(file), None) for file in sorted(images)])

    def own_data(self, config: Mapping[str, Any], folder: Path, work: Path) -> OwnData:
        require(folder)
        if (folder / TRAIN).is_dir() or (folder / QUERY).is_dir():
            values = {"dataset": "market_folder", "data_root": str(folder)}
            found = f"re-identification in Market-1501's layout, {TRAIN}/, {QUERY}/ and {GALLERY}/"
        elif any((folder / name).is_dir() for name in ("market1501", "dukemtmc-reid", "msmt17", "cuhk03")):
            values, found = {"data_root": str(folder)}, "published data sets by torchreid's names"
        else:
            raise InputError(f"data {folder}: {EXPECTED['market_folder'].replace('data_root', 'it')}")
        return OwnData(f"{folder}: {found}", as_options(values, config))

    def run(self, job: Job) -> Outcome:
        config = _config(job.protocol)
        listing = _data(config)
        return self._score(job, config, listing) if job.evaluate_only else self._train(job, config, listing)

    def _train(self, job: Job, config: ReidConfig, listing: Listing) -> Outcome:
        from bench.reid.checkpoints import save_pcb
        from bench.reid.data_manager import build_datamanager, check_readable
        from bench.reid.engine import PcbEngine

        # Query and gallery images are otherwise read only after the last epoch.
        check_readable(file for file, _, _ in (*listing.query, *listing.gallery))
        design = job.design
        # Weights are drawn from a seed that no epoch of the training is seeded by.
        seed_everything(job.seed, config.epochs)
        pcb = build_pcb(config, design, len(identities_of(listing.train)))
        # First of all: it finds out whether the last map has as many rows as parts.
        costs = measure_costs(pcb, config, design)
        if job.weights is not None:
            report = weights.load(pcb.backbone, job.weights, design)
            _LOG.info("backbone from %s: %s", job.weights, report)
        pcb = pcb.cuda() if torch.cuda.is_available() else pcb
        engine = PcbEngine(
            build_datamanager(config, listing),
            pcb,
            config,
            job.weights is not None,
            job.seed,
            ResumePoint(job.work_dir / FILE_NAME, _about(job)),
            job.progress,
        )
        ranking = engine.fit(job.work_dir)
        checkpoint = save_pcb(
            pcb, job.work_dir / "checkpoint.pth", job.protocol.recorded, design, protocol=job.protocol.name
        )
        return _outcome(ranking, pcb, listing, costs, checkpoint)

    def _score(self, job: Job, config: ReidConfig, listing: Listing) -> Outcome:
        """Rank by given weights without training."""
        from bench.reid.checkpoints import load_weights
        from bench.reid.data_manager import build_datamanager
        from bench.reid.engine import PcbEngine

        assert job.weights is not None
        pcb = load_weights(job.weights, config, job.design)
        costs = measure_costs(pcb, config, job.design)
        pcb = pcb.cuda() if torch.cuda.is_available() else pcb
        untrained = config.model_copy(update={"epochs": 0})
        engine = PcbEngine(build_datamanager(config, listing), pcb, untrained, progress=job.progress)
        return _outcome(engine.fit(job.work_dir), pcb, listing, costs)

    def workload(
        self, protocol: Protocol, architecture: NamedArchitecture | None, counts: Mapping[str, int]
    ) -> Workload:
        return training_workload(_config(protocol), given(architecture).design, counts)

    def speed(
        self, protocol: Protocol, architecture: NamedArchitecture | None, batch_size: int, repetitions: int = 5
    ) -> Speed:
        from bench.reid.speed import measure_speed

        return measure_speed(given(architecture).design, _MARKET_IDENTITIES, _config(protocol), batch_size, repetitions)


def _outcome(ranking: Ranking, pcb: PCB, listing: Listing, costs: Costs, checkpoint: Path | None = None) -> Outcome:
    return Outcome(
        metrics={f"rank{rank}": 100 * share for rank, share in ranking.cmc.items()}
        | {"map": 100 * ranking.mean_average_precision},
        counts={
            "query": ranking.queries,
            "gallery": len(listing.gallery),
            "identities": len(identities_of(listing.query)),
            "queries_without_match": ranking.queries_without_match,
        },
        cost=costs.backbone,
        checkpoint=checkpoint,
        whole=costs.whole,
        unchanged=costs.unchanged,
        # P-DARTS Table 5, "Feat. Dim": the backbone's last width, the length of each part's vector.
        resolved={"feature_dim": pcb.backbone_dim},
    )


def _about(job: Job) -> dict[str, Any]:
    """Collect the values that must be equal to resume a training."""
    said = ("reduced", "expected", "execution")
    config = {key: value for key, value in job.protocol.config.items() if key not in said}
    return {
        "protocol": job.protocol.name,
        "genotype": job.design.digest,
        "seed": job.seed,
        "pretrained": job.weights is not None,
        **portable(config),
    }


def _config(protocol: Protocol) -> ReidConfig:
    return parse(ReidConfig, protocol.config, str(protocol.path))


def _data(config: ReidConfig) -> Listing:
    """List a protocol's data, made first if embedded, and refuse data that cannot be trained on or ranked."""
    ensure_embedded(config.embedded)
    listing = read_layout(config.dataset, Path(config.data_root), config.limit, config.queries)
    if len(listing.train) < config.batch_size:
        # torchreid drops the last, smaller batch: no batch would be left.
        raise InputError(
            f"{listing.folder}: {len(listing.train)} training images do not fill one batch; expected "
            f"batch_size={config.batch_size} to be at most {len(listing.train)}"
        )
    identities = len(identities_of(listing.train))
    if identities < 2:
        raise InputError(f"{listing.folder}: only one training identity; expected two or more")
    if identities < config.batch_identities:
        raise InputError(
            f"{listing.folder}: {identities} training identities do not fill one batch, which takes "
            f"{config.batch_identities} with {config.instances} images of each; expected "
            f"batch_size={config.batch_size} to be at most {identities * config.instances}"
        )
    if len(listing.unmatched()) == len(listing.query):
        raise InputError(f"{listing.folder}: no query has an image of its identity from another camera in the gallery")
    return listing
