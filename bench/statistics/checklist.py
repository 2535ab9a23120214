"""Fill Lindauer and Hutter's checklist for research on architecture search from records.

Best Practices for Scientific Research on Neural Architecture Search (JMLR 21, 2020). The items are reworded, in the
checklist's order. The author must answer what records do not contain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.records.record import Record
from bench.tables.rows import setting
from bench.tasks.metrics import JUDGED, RANDOM

Status = Literal["yes", "partly", "missing", "author"]

#: Each status in words; `author` marks items that no record answers.
WORDS: Mapping[Status, str] = {
    "yes": "yes",
    "partly": "partly",
    "missing": "missing",
    "author": "not in records",
}


@dataclass(frozen=True)
class Item:
    """One item of the checklist with the records' answer."""

    part: str
    question: str
    status: Status
    evidence: str


_CODE = "Releasing code"
_COMPARING = "Comparing methods"
_REPORTING = "Reporting details"


def checklist(records: Iterable[Record]) -> list[Item]:
    """Answer the items in order, each with the evidence in the records and what is missing."""
    known = list(records)
    searches = [record for record in known if record.task == "search"]
    trainings = [record for record in known if record.task in JUDGED]
    facts = _Facts(searches, trainings)
    return [Item(part, question, *answer(facts)) for part, question, answer in _ITEMS]


@dataclass(frozen=True)
class _Facts:
    searches: Sequence[Record]
    trainings: Sequence[Record]

    @property
    def all(self) -> list[Record]:
        return [*self.searches, *self.trainings]

    @property
    def groups(self) -> dict[str, list[Record]]:
        """The trainings by setting; those of one setting can be compared."""
        found: dict[str, list[Record]] = {}
        for record in self.trainings:
            found.setdefault(setting(record), []).append(record)
        return found

    @property
    def compared(self) -> dict[str, list[Record]]:
        """The settings with two methods or more."""
        return {key: group for key, group in self.groups.items() if len(_methods(group)) > 1}


_Answer = tuple[Status, str]
_Answerer = Callable[[_Facts], _Answer]


def _methods(records: Iterable[Record]) -> list[str]:
    return sorted({record.method for record in records})


def _share(records: Sequence[Record], has: Callable[[Record], bool], what: str, none: str) -> _Answer:
    """Answer yes if all records have it, partly if some do."""
    if not records:
        return "missing", none
    count = sum(map(has, records))
    status: Status = "yes" if count == len(records) else "partly" if count else "missing"
    return status, f"{what} of {count} of {len(records)} runs"


def _commit(record: Record) -> bool:
    """Return whether a record has a commit without uncommitted changes."""
    commit = record.environment.get("git_commit")
    return bool(commit) and not str(commit).endswith("-dirty")


def _config(record: Record) -> bool:
    return bool(record.config)


def _of_trainings(has: Callable[[Record], bool], what: str) -> _Answerer:
    return lambda facts: _share(facts.trainings, has, what, "no training has been run")


def _of_searches(has: Callable[[Record], bool], what: str) -> _Answerer:
    return lambda facts: _share(facts.searches, has, what, "no search has been run")


def _space(facts: _Facts) -> _Answer:
    cells = [record for record in facts.all if record.architecture.genotype is not None]
    return _share(cells, lambda record: True, "the genotype", "no run of a genotype")


def _same_benchmark(facts: _Facts) -> _Answer:
    if not facts.compared:
        return "missing", "no two methods were run under one setting (protocol, config, data)"
    apart = [group for group in facts.groups.values() if len(_methods(group)) < 2]
    text = f"{len(facts.compared)} settings hold two methods or more, with equal config and data"
    if apart:
        return "partly", f"{text}; {len(apart)} hold only one and cannot be compared"
    return "yes", text


def _confounders(facts: _Facts) -> _Answer:
    if not facts.compared:
        return "missing", "nothing is compared"
    mixed: dict[str, None] = {}
    for group in facts.compared.values():
        for key, what in (("device", "devices"), ("packages", "versions of packages"), ("git_commit", "commits")):
            if len({str(record.environment.get(key)) for record in group}) > 1:
                mixed[what] = None
    if mixed:
        return "partly", f"compared runs differ in {', '.join(mixed)}"
    return "yes", "compared runs have the same device, packages and commit"


def _ablations(facts: _Facts) -> _Answer:
    protocols = sorted({record.protocol for record in facts.searches})
    if len(protocols) < 2:
        return "missing", f"{len(protocols)} search protocol; an ablation needs a second one"
    return "author", f"{len(protocols)} search protocols were run ({', '.join(protocols)}); state what each ablates"


def _same_evaluation(facts: _Facts) -> _Answer:
    if not facts.compared:
        return "missing", "nothing is compared"
    return "yes", "runs are compared under one protocol, config and data only"


def _random(facts: _Facts) -> _Answer:
    counts = {
        key: len({record.architecture.digest for record in group if record.method == RANDOM})
        for key, group in facts.groups.items()
    }
    with_random = sum(count >= 2 for count in counts.values())
    if not with_random:
        return "missing", "no setting has two random architectures or more"
    text = f"{with_random} of {len(counts)} settings have two random architectures or more"
    return ("yes" if with_random == len(counts) else "partly"), text


def _several_runs(facts: _Facts) -> _Answer:
    if not facts.all:
        return "missing", "nothing has been run"
    searched = _fewest((record.protocol, record.seed) for record in facts.searches)
    trained = _fewest(((setting(record), record.architecture.name), record.seed) for record in facts.trainings)
    texts = []
    if facts.searches:
        texts.append(f"each search ran with {searched} {_seeds(searched)} or more")
    if facts.trainings:
        texts.append(f"each training with {trained} {_seeds(trained)} or more")
    least = min(count for count in (searched, trained) if count)
    most = max(searched, trained)
    status: Status = "yes" if least > 1 else "partly" if most > 1 else "missing"
    return status, "; ".join(texts)


def _seeds(count: int) -> str:
    return "seed" if count == 1 else "seeds"


def _fewest(runs: Iterable[tuple[Any, int]]) -> int:
    """The smallest number of different seeds of what was run, of (what, seed)."""
    seeds: dict[Any, set[int]] = {}
    for what, seed in runs:
        seeds.setdefault(what, set()).add(seed)
    return min(map(len, seeds.values()), default=0)


def _end_to_end(facts: _Facts) -> _Answer:
    if not facts.searches:
        return "missing", "no search has been run"
    followed = {parent.record for record in facts.trainings for parent in record.parents if parent.role == "search"}
    count = sum(record.name in followed for record in facts.searches)
    hours = sum(record.cost.seconds for record in facts.all) / 3600
    text = f"{hours:.1f} hours in all; {count} of {len(facts.searches)} searches are followed to a training"
    return ("yes" if count == len(facts.searches) else "partly" if count else "missing"), text


def _details(facts: _Facts) -> _Answer:
    full = [record for record in facts.all if not record.reduced]
    if not facts.all:
        return "missing", "nothing has been run"
    text = f"config, data, machine and versions of all {len(facts.all)} runs"
    if len(full) < len(facts.all):
        return "partly", f"{text}; {len(facts.all) - len(full)} are reduced and say why"
    return "yes", text


def _author(text: str) -> _Answerer:
    return lambda facts: ("author", text)


_CLEAN = "a commit without changes"

_ITEMS: tuple[tuple[str, str, _Answerer], ...] = (
    (_CODE, "Code of the training pipeline of the final architectures", _of_trainings(_commit, _CLEAN)),
    (_CODE, "The search space", _space),
    (_CODE, "Hyperparameters and seeds of the final evaluation", _of_trainings(_config, "config and seed")),
    (_CODE, "Code of the search method", _of_searches(_commit, _CLEAN)),
    (_CODE, "Hyperparameters and seeds of the search method", _of_searches(_config, "config and seed")),
    (_COMPARING, "The same data, space, training code and hyperparameters for all methods", _same_benchmark),
    (_COMPARING, "Confounders controlled: hardware, versions of libraries, run time", _confounders),
    (_COMPARING, "Ablation studies", _ablations),
    (_COMPARING, "The same evaluation protocol for all methods", _same_evaluation),
    (_COMPARING, "Performance compared over time", _of_searches(lambda record: record.curve is not None, "the curve")),
    (_COMPARING, "Compared with random architectures", _random),
    (_COMPARING, "Several runs, with their seeds reported", _several_runs),
    (_COMPARING, "Tabular or surrogate benchmarks for in-depth evaluation", _author("none is part of this suite")),
    (
        _REPORTING,
        "How hyperparameters were tuned, and what that took",
        _author("records do not tell of earlier trials"),
    ),
    (_REPORTING, "The time of the whole method, from search to final training", _end_to_end),
    (_REPORTING, "All details of the experimental setup", _details),
)
