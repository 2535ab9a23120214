"""Write a record as a model card: Markdown with the front matter that the Hugging Face Hub reads."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backbones import pretrained
from backbones.errors import InputError
from backbones.pretrained import IMAGENET, Normalisation
from bench.cards.licences import data_licence
from bench.records.record import Record
from bench.records.store import RecordStore, read_record, record_files
from bench.tables.latencies import latencies_of
from bench.tables.rows import Experiments
from bench.tables.write import environment
from bench.tasks.metrics import METRICS
from bench.tasks.registry import get_task

#: The Hub's names of the tasks.
PIPELINE_TAGS = {
    "classification": "image-classification",
    "detection": "object-detection",
    "reid": "image-feature-extraction",
}

#: The last line of a lineage without weights from elsewhere.
SCRATCH = "no weights: trained from scratch"

#: The largest number of steps from a record to the search that found its architecture.
_DEEPEST = 8


@dataclass(frozen=True)
class OverSeeds:
    """A metric over the seeds of a record's experiment: its values in the order of the seeds."""

    title: str
    key: str
    values: tuple[float, ...]

    @property
    def text(self) -> str:
        mean = statistics.fmean(self.values)
        return f"{mean:.2f} ± {statistics.stdev(self.values):.2f}" if len(self.values) > 1 else f"{mean:.2f}"


def find_record(given: str, results: Path) -> Record:
    """Find a record by name, with or without `record:`, or by the path of its file.

    Raises:
        InputError: there is none, or its task has no networks.
    """
    path, name = Path(given), given.removeprefix("record:").removesuffix(".json")
    store = RecordStore(results)
    if path.suffix == ".json" and path.is_file():
        record = read_record(path)
    else:
        inside = bool(name) and not name.startswith("/") and ".." not in name.split("/")
        found = store.find(name) if inside else None
        if found is None:
            raise InputError(f"{given[:200]}: no such record below {store.root}; expected a path such as "
                             "detection/digits_ssd/PDARTS/seed0")  # fmt: skip
        record = found
    if record.task not in PIPELINE_TAGS:
        raise InputError(f"{given}: is a record of {record.task}; a card is of {', '.join(PIPELINE_TAGS)}")
    return record


def siblings(record: Record, results: Path) -> list[Record]:
    """The records of the same experiment with any seed, by seed; the record alone if it lies elsewhere."""
    store = RecordStore(results)
    folder = store.path(record.name).parent
    runs = [read_record(Path(file), store.root) for file in record_files(folder)] if folder.is_dir() else []
    experiments = Experiments()
    alike = [run for run in runs if experiments.of(run) == experiments.of(record)]
    return sorted(alike, key=lambda run: run.seed) if record.key in {run.key for run in alike} else [record]


def measured(runs: Sequence[Record]) -> list[OverSeeds]:
    """The metrics that all of the runs have."""
    return [
        OverSeeds(metric.title, metric.key, tuple(run.metrics[metric.key].value for run in runs))
        for metric in METRICS[runs[0].task]
        if all(metric.key in run.metrics for run in runs) and metric.shown != "never"
    ]


def lineage(record: Record, results: Path) -> Iterator[str]:
    """What was trained from what, the earliest last: a line each."""
    store, at = RecordStore(results), record
    yield f"{at.architecture.name} under {at.protocol}, seed {at.seed}: this model"
    for _ in range(_DEEPEST):
        began = at.initial_weights
        if began is not None and began.card is not None:
            yield f"weights {began.card} ({_stated(began.card)})"
        elif began is not None and began.record is None:
            yield f"weights of a file that has no card ({began.sha256})"
        elif began is None and not any(parent.role == "weights" for parent in at.parents):
            yield SCRATCH
        for parent in at.parents:
            what = "architecture found by" if parent.role == "search" else "weights of"
            yield f"{what} {parent.record}"
        trained = next((parent for parent in at.parents if parent.role == "weights"), None)
        before = store.find_run(trained.record, trained.key) if trained else None
        if before is None:
            return
        at = before


def _stated(card: str) -> str:
    try:
        found = pretrained.get(card)
    except InputError:
        # Of another version of wildnas or timm.
        return "no card of that name here"
    return f"{found.origin.where}; licence: {found.licence}"


def normalisation_of(record: Record) -> Normalisation:
    return get_task(record.task).normalisation(record.config) or IMAGENET


def image_size(record: Record) -> tuple[int, int]:
    """Height and width of a record's images."""
    config: Any = record.config
    if record.task == "classification":
        return config["images"]["image_size"], config["images"]["image_size"]
    if record.task == "reid":
        return config["height"], config["width"]
    from bench.detection.protocol import input_shape

    return input_shape(config)


def card_text(record: Record, results: Path, files: Sequence[str] = ()) -> str:
    """Write the card of a record.

    Args:
        files: names of the files that lie beside the card.
    """
    runs = siblings(record, results)
    numbers = measured(runs)
    height, width = image_size(record)
    seconds, origins = [run.cost.seconds for run in runs], list(lineage(record, results))
    text: str = (
        environment("bench.cards", autoescape=False)
        .get_template("card.md")
        .render(
            front_matter=_front_matter(record, numbers),
            record=record,
            runs=runs,
            numbers=numbers,
            lineage=origins,
            scratch=SCRATCH in origins,
            normalisation=normalisation_of(record),
            height=height,
            width=width,
            latencies=[
                f"{each.metrics['latency'].value:.2f} ms ({runtime})"
                for runtime, each in latencies_of(record, RecordStore(results).read_sound("latency")[0]).items()
            ],
            hours=f"{statistics.fmean(seconds) / 3600:.3g}",
            memory=f"{max(run.cost.peak_memory for run in runs) / 1e9:.2f}",
            params=f"{record.cost.params / 1e6:.2f}",
            macs=None if record.cost.published_macs is None else f"{record.cost.published_macs / 1e6:.1f}",
            data_licence=data_licence(record.protocol),
            weights_licences=[line.removeprefix("weights ") for line in origins if "licence: " in line],
            files=list(files),
        )
    )
    return text.rstrip("\n") + "\n"


def _front_matter(record: Record, numbers: Sequence[OverSeeds]) -> str:
    """The card's YAML, by the Hub's own library."""
    from huggingface_hub import EvalResult, ModelCardData

    tag = PIPELINE_TAGS[record.task]
    results = [
        EvalResult(
            task_type=tag,
            dataset_type=record.protocol.partition("/")[2],
            dataset_name=record.protocol,
            metric_type=number.key,
            metric_name=number.title,
            metric_value=round(statistics.fmean(number.values), 4),
        )
        for number in numbers
    ]
    began = record.initial_weights
    card = pretrained.get(began.card) if began and began.card in pretrained.names() else None
    data = ModelCardData(
        library_name="wildnas",
        pipeline_tag=tag,
        tags=["neural-architecture-search", record.task, *(["timm"] if record.architecture.timm else ["darts"])],
        license="other",
        license_name="see-below",
        model_name=record.architecture.name,
        eval_results=results,
        base_model=card.origin.where if card is not None and card.origin.kind == "hub" else None,
    )
    text: str = data.to_yaml()
    return text.strip()
