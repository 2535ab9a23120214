"""Change one place of the product at a time and see whether a test notices: `python -m tests.mutation`.

    python -m tests.mutation --count 240 --seed 0           a sample over all packages below
    python -m tests.mutation --only bench/records --list    what there is to change
    python -m tests.mutation --at bench/runs/run.py:133     the mutants of one line

Every mutant is run against the fast tests of its package (`TESTS`; none of them trains a network) until one fails. One
that no test notices has survived: write the test, or see that it changes nothing.

Why not mutmut or cosmic-ray: mutmut 3 changes no decorated function, which here are the properties, the validators and
the context managers; cosmic-ray starts Python for every mutant, and to import torch, MMDetection and torchreid takes
longer than the tests. Here they are imported once, and every mutant is run in a fork.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.abc
import importlib.util
import os
import random
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

#: The fast tests of each package, below `tests/bench/`, and what `-k` chooses of them.
TESTS: dict[str, tuple[str, str]] = {
    "bench/runs": ("runs/test_planned_runs.py runs/test_recording.py runs/test_locks.py", ""),
    "bench/records": (
        "records/test_records.py records/test_record_versions.py records/test_record_sections.py "
        "records/test_record_check.py runs/test_planned_runs.py",
        "",
    ),
    "bench/pipeline": (
        "pipeline/test_pipeline_pieces.py pipeline/test_pipeline_assembly.py pipeline/test_pipeline_survey.py "
        "pipeline/test_pipeline_estimate.py pipeline/test_pipeline_board.py pipeline/test_pipeline_selection.py",
        "not paper and not plan_of and not hours_by and not weights_that and not dense and not stand_in "
        "and not standalone",
    ),
    "bench/tables": ("tables", ""),
    "bench/reid": (
        "reid/test_reid_resume.py reid/test_reid_configs.py reid/test_reid_cuhk03.py reid/test_reid_distances.py "
        "reid/test_reid_layout.py reid/test_reid_limit.py reid/test_reid_losses.py reid/test_reid_pcb.py "
        "reid/test_reid_pictures.py reid/test_reid_ranking.py reid/test_reid_reranking.py",
        "",
    ),
    "bench/detection": (
        "detection/test_coco_evaluation.py detection/test_detection_annotations.py "
        "detection/test_detection_components.py detection/test_detection_data.py detection/test_detection_images.py "
        "detection/test_detection_nms.py detection/test_detection_pairs.py detection/test_detection_protocols.py "
        "detection/test_detection_pyramid.py",
        "not trained_over and not limit_takes",
    ),
}

#: Imported before the forks, so that a change in it would not be seen.
LEFT_OUT = ("bench/detection/mmcv_ext.py",)

#: What is imported once, before the forks.
LIBRARIES = (
    "numpy",
    "torch",
    "torchvision",
    "pandas",
    "pydantic",
    "timm",
    "mmengine.runner",
    "torchreid",
    "pytest",
    "hypothesis",
)

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
}


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        file: below the root of the checkout.
        number: which of the file's changes.
    """

    file: str
    line: int
    number: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} #{self.number} {self.what}"


class Changes(ast.NodeVisitor):
    """Every change of a module: what it is, and how it is made and taken back."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str, Any, str, Any]] = []

    def add(self, node: Any, what: str, name: str, value: Any, line: int | None = None) -> None:
        self.found.append((line or node.lineno, what, node, name, value))

    def visit_Compare(self, node: ast.Compare) -> None:
        other = COMPARISONS.get(type(node.ops[0]))
        if other is not None:
            self.add(node, f"{type(node.ops[0]).__name__} → {other.__name__}", "ops", [other(), *node.ops[1:]])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self.add(node, "and ↔ or", "op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
        for place in range(len(node.values)):
            left = node.values[:place] + node.values[place + 1 :]
            # A single operand twice is that operand.
            self.add(node, f"operand {place + 1} left out", "values", left * 2 if len(left) == 1 else left)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        other = OPERATORS.get(type(node.op))
        if other is not None:
            self.add(node, f"{type(node.op).__name__} → {other.__name__}", "op", other())
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self.add(node, f"{node.value} → {not node.value}", "value", not node.value)
        elif isinstance(node.value, (int, float)):
            self.add(node, f"{node.value} → {node.value + 1}", "value", node.value + 1)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.add(node, "always the first", "test", ast.Constant(True))
        self.add(node, "always the second", "test", ast.Constant(False))
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        self.add(node, "if True", "test", ast.Constant(True))
        self.add(node, "if False", "test", ast.Constant(False))
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.slice, ast.Slice):
            self.add(node, "slice left out", "slice", ast.Slice())
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        for place, keyword in enumerate(node.keywords):
            # Without them the same is done: files are UTF-8 anyway, and lists that are zipped are of one length.
            if keyword.arg not in (None, "encoding", "strict"):
                others = node.keywords[:place] + node.keywords[place + 1 :]
                self.add(node, f"{keyword.arg}= left out", "keywords", others, keyword.value.lineno)
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            return
        if isinstance(node.value, ast.Call):
            self.add(node, "call left out", "value", ast.Constant(None))
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """The words of an error are the reviewer's."""

    def visit_Assert(self, node: ast.Assert) -> None:
        """What cannot be otherwise."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                self.visit(default)
        for statement in node.body:
            self.visit(statement)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for statement in node.body:
            self.visit(statement)

    def visit_Import(self, node: ast.Import) -> None: ...

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None: ...


def changes_of(tree: ast.Module) -> list[tuple[int, str, Any, str, Any]]:
    for node in ast.walk(tree):
        # What only a type checker reads.
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
            node.test = ast.Name("TYPE_CHECKING", ast.Load())
    visitor = Changes()
    visitor.visit(tree)
    return [found for found in visitor.found if not ast.unparse(found[2]).startswith("if TYPE_CHECKING")]


def mutants(file: Path) -> Iterator[Mutant]:
    name = file.relative_to(ROOT).as_posix()
    for number, (line, what, *_) in enumerate(changes_of(ast.parse(file.read_text(encoding="utf-8")))):
        yield Mutant(name, line, number, what)


def mutated(mutant: Mutant) -> CodeType:
    """The code of the mutant's module."""
    file = ROOT / mutant.file
    tree = ast.parse(file.read_text(encoding="utf-8"))
    _, _, node, name, value = changes_of(tree)[mutant.number]
    setattr(node, name, value)
    return compile(ast.fix_missing_locations(tree), str(file), "exec", dont_inherit=True)


class Spoiled(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports the mutant where its module is asked for."""

    def __init__(self, mutant: Mutant) -> None:
        self.module = mutant.file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        self.file = ROOT / mutant.file
        self.code = mutated(mutant)

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != self.module:
            return None
        package = [str(self.file.parent)] if self.file.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(name, self.file, loader=self, submodule_search_locations=package)

    def get_code(self, fullname: str) -> CodeType:
        return self.code

    def get_source(self, fullname: str) -> str:
        return self.file.read_text(encoding="utf-8")

    def get_filename(self, fullname: str) -> str:
        return str(self.file)


def _import_libraries() -> None:
    """Import what takes long, and forget the product's own modules, which every fork imports for itself."""
    for library in LIBRARIES:
        importlib.import_module(library)
    from bench.detection.mmcv_ext import provide_mmcv_ext

    provide_mmcv_ext()
    importlib.import_module("mmdet.models")
    for name in list(sys.modules):
        if name.split(".")[0] in ("backbones", "search", "bench", "tests"):
            del sys.modules[name]


def run(package: str, mutant: Mutant | None, limit: float, everything: bool = False) -> str:
    """Run a package's tests, the fast ones or all, in a fork: `passed`, `failed` or `too long`."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _child(package, mutant, everything)
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return "passed" if os.waitstatus_to_exitcode(status) == 0 else "failed"
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "too long"


def _child(package: str, mutant: Mutant | None, everything: bool) -> None:
    import pytest

    code = 1
    try:
        os.setsid()
        nowhere = os.open(os.environ.get("MUTATION_LOG", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        if mutant is not None:
            sys.meta_path.insert(0, Spoiled(mutant))
        files, chosen = (Path(package).name, "") if everything else TESTS[package]
        there = [str(ROOT / "tests/bench" / file) for file in files.split()]
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:warnings", "--rootdir", str(ROOT)]
        code = int(pytest.main([*options, *(["-k", chosen] if chosen else []), *there]))
    finally:
        os._exit(code)


def _sample(found: dict[str, list[Mutant]], count: int, seed: int) -> dict[str, list[Mutant]]:
    """So many mutants, the same number of every package as far as it has them."""
    draw = random.Random(seed)
    share = -(-count // len(found))
    return {package: draw.sample(listed, min(share, len(listed))) for package, listed in found.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=list(TESTS), default=list(TESTS))
    parser.add_argument("--at", nargs="+", metavar="FILE:LINE", default=[])
    parser.add_argument("--thorough", action="store_true", help="run survivors against all tests of their package, too")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args(arguments)
    found = {
        package: [
            mutant
            for file in sorted((ROOT / package).rglob("*.py"))
            if file.relative_to(ROOT).as_posix() not in LEFT_OUT
            for mutant in mutants(file)
        ]
        for package in options.only
    }
    if options.at:
        wanted = {
            package: [m for m in listed if f"{m.file}:{m.line}" in options.at] for package, listed in found.items()
        }
        chosen = {package: listed for package, listed in wanted.items() if listed}
    else:
        chosen = _sample(found, options.count, options.seed)
    if options.list:
        for mutant in (mutant for listed in chosen.values() for mutant in listed):
            print(mutant)
        print({package: len(listed) for package, listed in found.items()})
        return 0
    _import_libraries()
    survivors = 0
    for package, listed in chosen.items():
        began = time.monotonic()
        if run(package, None, 1200) != "passed":
            print(f"{package}: its tests fail without any change")
            return 2
        limit = 30 + 5 * (time.monotonic() - began)
        alive = []
        for mutant in listed:
            if run(package, mutant, limit) == "passed" and (
                not options.thorough or run(package, mutant, 3600, everything=True) == "passed"
            ):
                alive.append(mutant)
                print(f"survived: {mutant}", flush=True)
        survivors += len(alive)
        print(f"{package}: {len(listed)} mutants, {len(alive)} survived", flush=True)
    total = sum(len(listed) for listed in chosen.values())
    print(f"{total} mutants, {survivors} survived ({100 * survivors / max(total, 1):.1f} %)")
    return int(survivors > 0)


if __name__ == "__main__":
    sys.exit(main())
