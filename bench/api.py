"""Python interface of wildnas, for programs, notebooks and the commands.

`evaluate`, `search`, `run`, `results`, `table` and `transfer` are defined here; the other names (`_HOMES`) are imported
when they are first used. An unknown name or a value that cannot be used raises `backbones.errors.InputError`, which
says what would be right.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from backbones.design import TimmModel
from backbones.genotype import Genotype
from bench.records.sections import many_objects

if TYPE_CHECKING:
    from pandas import DataFrame

    from bench.pipeline.run import PipelineResult
    from bench.records.record import Record
    from bench.runs.session import Display

#: An architecture: a zoo name, a genotype file or literal, a finished search's folder, `random:SEED` or `timm:NAME`; or
#: a genotype or timm model.
Arch = str | Genotype | TimmModel
PathLike = str | Path

LAUNCHERS = ("none", "pytorch")
ENGINES = ("local", "ray")

#: Module of every name that is imported when it is first used; each command goes through this table.
_HOMES = {
    "EVALUATED": "bench.tasks.metrics",
    "InputError": "backbones.errors",
    "Progress": "bench.console.progress",
    "Wanted": "bench.export.networks",
    "check_data": "bench.tasks.registry",
    "check_records": "bench.records.check",
    "check_test_dev": "bench.detection.test_dev",
    "check_weights": "bench.tasks.weights",
    "chosen": "bench.runs.session",
    "confirm_recorded": "bench.records.check",
    "count_networks": "bench.classification.kernels",
    "count_search": "bench.searches.kernels",
    "derive_file": "search.derive",
    "describe_architecture": "bench.tasks.description",
    "describe_machine": "bench.doctor.machine",
    "describe_weights": "bench.tasks.weights",
    "detect_in": "bench.detection.inference",
    "draw_architecture": "bench.tasks.description",
    "dry_run": "bench.searches.dry_run",
    "examine_gpu": "bench.doctor.gpu",
    "export_network": "bench.export.writing",
    "export_test_dev": "bench.detection.test_dev",
    "found_by": "bench.runs.run",
    "get_weights": "bench.tasks.weights",
    "hole_lines": "bench.zerocost.holes",
    "load_test_dev": "bench.detection.test_dev",
    "make_digits": "bench.digits.recipe",
    "measure_evaluation": "bench.detection.evaluation_speed",
    "measure_rankings": "bench.reid.ranking_speed",
    "measure_stages": "bench.searches.dry_run",
    "measure_tasks": "bench.tasks.speed",
    "plan_pipeline": "bench.pipeline.report",
    "rank_checkpoint": "bench.reid.pictures",
    "record_latencies": "bench.latency.measure",
    "resolved_configs": "bench.runs.requests",
    "search_concerns": "bench.searches.task",
    "study_folder": "bench.records.studies",
    "tables_of": "bench.tables.selection",
    "weight_cards": "bench.tasks.weights",
    "write_card": "bench.cards.folder",
    "write_report": "bench.report",
    "zoo": "backbones",
    "zoo_entries": "bench.tasks.description",
    "zoo_left_out": "bench.tasks.description",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def evaluate(
    architectures: Arch | Sequence[Arch],
    protocols: str | Sequence[str],
    *,
    seeds: Sequence[int] = (0,),
    weights: PathLike | None = None,
    options: Sequence[str] = (),
    limit: int | None = None,
    evaluate_only: bool = False,
    results: PathLike = "results",
    work: PathLike = "work",
    replace: bool = False,
    test_dev: PathLike | None = None,
    launcher: Literal["none", "pytorch"] = "none",
    data: PathLike | None = None,
    notice: Callable[[str], None] = warnings.warn,
    progress: Display | None = None,
) -> list[Record]:
    """Train and score every architecture under every protocol with every seed; finished runs are not repeated.

    Args:
        weights: initial weights of the network or backbone, with one architecture only: the name of pretrained
            weights (`bench.api.weight_cards`, `timm`, `timm:MODEL.TAG`), `record:NAME` for a run's own, or a file.
        options: `key=value` changes of the protocols' configs; a run of a changed protocol is marked as reduced.
        limit: the number of images to use of each part of the data; None is all.
        evaluate_only: score the weights without training.
        results, work: folders of records, and of logs and checkpoints.
        replace: move the record of a different run aside instead of raising an error.
        test_dev: a folder for COCO's submission files of detectors.
        launcher: `pytorch` in each of the processes that torchrun has started.
        data: a folder of your own data that replaces the protocols' (docs/your-own-data.md).
        notice: called with a line on what that folder holds, or on weights of which nothing is known.
        progress: makes the progress display, such as `bench.api.Progress`; None shows nothing.

    Returns:
        The records, protocol by protocol, architecture by architecture, seed by seed.
    """
    from bench.runs.arguments import check_choice, check_limit, check_options, check_seeds
    from bench.runs.requests import evaluations
    from bench.runs.run import Places
    from bench.runs.session import Manner, export_detections, run_all

    check_seeds(seeds)
    check_options(options)
    check_limit(limit)
    check_choice("launcher", launcher, LAUNCHERS)
    wanted = evaluations(
        _listed(architectures),
        _listed(protocols),
        seeds,
        weights,
        options,
        limit,
        evaluate_only,
        test_dev,
        launcher,
        None if data is None else Path(data),
        Path(work),
        notice,
        Path(results),
    )
    manner = Manner(Places(Path(results), Path(work), replace), launcher, progress, notice)
    records = run_all(wanted, manner)
    if test_dev is not None and manner.first:
        export_detections(wanted, records, manner, Path(test_dev))
    return records


def search(
    protocol: str,
    *,
    seed: int = 0,
    options: Sequence[str] = (),
    results: PathLike = "results",
    work: PathLike = "work",
    replace: bool = False,
    launcher: Literal["none", "pytorch"] = "none",
    data: PathLike | None = None,
    notice: Callable[[str], None] = warnings.warn,
    progress: Display | None = None,
) -> Record:
    """Search a genotype under a search protocol; a finished search is not repeated. See `evaluate` for the arguments.

    The genotype is the record's `architecture.genotype`. To evaluate it, pass the folder `<work>/<protocol>/<name>` or
    `Genotype.from_json(record.architecture.genotype)`.
    """
    from bench.runs.arguments import check_choice, check_options, check_seeds
    from bench.runs.requests import search_of
    from bench.runs.run import Places
    from bench.runs.session import Manner, run_all

    check_seeds([seed])
    check_options(options)
    check_choice("launcher", launcher, LAUNCHERS)
    manner = Manner(Places(Path(results), Path(work), replace), launcher, progress)
    own = None if data is None else Path(data)
    (record,) = run_all([search_of(protocol, seed, options, own, Path(work), notice)], manner)
    return record


def run(
    pipeline: str,
    *,
    options: Sequence[str] = (),
    engine: Literal["local", "ray"] = "local",
    jobs: int = 1,
    address: str | None = None,
    auto_batch: bool = False,
    skip_missing: bool = False,
    results: PathLike = "results",
    work: PathLike = "work",
) -> PipelineResult:
    """Run the unfinished stages of a pipeline, and write its tables to `<results>/tables/`.

    Args:
        jobs: number of stages that the local engine runs at the same time, each with its share of the cores.
        address: address of a Ray cluster; None starts Ray on this machine.
        auto_batch: compute batches that do not fit the GPU in parts.
        skip_missing: leave out stages whose data are missing instead of raising an error.
    """
    from bench.pipeline.assembly import load_pipeline
    from bench.pipeline.run import EngineChoice, run_pipeline, with_tables
    from bench.runs.arguments import check_choice, check_jobs, check_options
    from bench.runs.run import Places

    check_options(options)
    check_choice("engine", engine, ENGINES)
    check_jobs(jobs, engine)
    # A different run's record is moved to replaced/ and restored if it is needed again.
    places, loaded = Places(Path(results), Path(work), replace=True), load_pipeline(pipeline, options)
    done = run_pipeline(loaded, places, EngineChoice(engine, address, auto_batch, skip_missing, jobs))
    return with_tables(loaded, done, places)


@many_objects()
def results(
    task: str | None = None,
    *,
    results: PathLike = "results",
    study: str | None = None,
    published: bool = True,
    notice: Callable[[str], None] = warnings.warn,
) -> DataFrame:
    """Read all runs into a tidy data frame, a row each; with `published`, the rows of the papers as well.

    Args:
        task: the name of a task, such as `detection`; None is all.
        study: a study that ships with wildnas, or the folder of one, in place of a results folder and the papers' rows.
        notice: called with a line for each record that cannot be read.
    """
    from bench.runs.arguments import check_choice
    from bench.tables.frame import results_frame
    from bench.tasks.metrics import METRICS

    if task is not None:
        check_choice("task", task, list(METRICS))
    return results_frame(task, _read_from(results, study), published, notice)


@many_objects()
def table(
    task: str,
    *,
    results: PathLike = "results",
    study: str | None = None,
    form: Literal["markdown", "latex", "csv", "html", "json", "parquet"] = "markdown",
    out: PathLike | None = None,
    notice: Callable[[str], None] = warnings.warn,
    **choice: Any,
) -> str:
    """Render the comparison table of a task: rows of the papers and of all records.

    Args:
        study: see `results`.
        out: file to write; with it, nothing is returned. `parquet` needs one, and pyarrow.
        choice: attributes of `bench.tables.selection.Selection`, which choose and order the rows.
    """
    from bench.runs.arguments import check_choice
    from bench.tables.selection import Selection, select
    from bench.tables.write import FORMATS, render, save
    from bench.tasks.metrics import METRICS

    check_choice("task", task, list(METRICS))
    check_choice("form", form, (*FORMATS, "parquet"))
    for name in choice:
        check_choice("choice", name, list(Selection.__dataclass_fields__))
    check_choice("origin", choice.get("origin"), (None, "published", "measured"))
    check_choice("extent", choice.get("extent"), (None, "full", "reduced"))
    found = select(task, _read_from(results, study), Selection(**choice), notice)
    if out is None:
        return render(found, form)
    save(found, Path(out), form)
    return ""


@many_objects()
def transfer(
    *,
    results: PathLike = "results",
    study: str | None = None,
    form: Literal["markdown", "latex", "csv", "html", "json"] = "markdown",
    full_only: bool = False,
    proxy: Sequence[str] | None = None,
    on: Sequence[str] | None = None,
    notice: Callable[[str], None] = warnings.warn,
) -> str:
    """Report how well each proxy predicts the downstream metrics: rank correlation, loss by trusting it, uncertainty.

    Args:
        study: see `results`.
        full_only: leave reduced runs out.
        proxy, on: names or patterns of the proxies' and the downstream metrics' protocols; None is all.
    """
    from bench.statistics.question import transfer_text

    return transfer_text(_read_from(results, study), form, full_only, proxy, on, notice)


def _read_from(results: PathLike, study: str | None) -> Path:
    from bench.records.studies import study_folder

    return Path(results) if study is None else study_folder(study)


def _listed(given: Any) -> list[Any]:
    """A single value or a sequence, as a list."""
    return list(given) if isinstance(given, (list, tuple)) else [given]
