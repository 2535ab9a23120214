"""Change one place of the product at a time and see whether a test notices, with cosmic-ray.

    python -m tests.mutation --count 240 --seed 0                a sample over all packages of tests/mutants/
    python -m tests.mutation runs records --count 40             of two of them
    python -m tests.mutation runs --at bench/runs/run.py:133     all mutants of one line

cosmic-ray finds the mutants and writes them; every one is run against the fast tests that its package's file in
tests/mutants/ names (few of them train a network) until one fails. One that no test notices has survived: write the
test, or see that it changes nothing. `cosmic-ray init` and `exec` do the same with these files, for all mutants and in
place. They start Python for every mutant, though, and to import torch, MMDetection and torchreid takes longer than
the tests do: here a sample is drawn, these are imported once, and the tests run in forks, over a copy of the tree.
With `--thorough`, a mutant that the fast tests let pass is run against all tests of its package as well.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import re
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from difflib import unified_diff
from pathlib import Path

from cosmic_ray.commands.init import init
from cosmic_ray.config import ConfigDict, load_config
from cosmic_ray.modules import filter_paths, find_modules
from cosmic_ray.mutating import use_mutation
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = {path.stem: path for path in sorted((ROOT / "tests/mutants").glob("*.toml"))}

#: What the tests read.
COPIED = ("backbones", "search", "bench", "configs", "results", "tests", "docs", "pyproject.toml", "README.md")

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

#: Operators that are left out: `|` joins types, which nothing evaluates; the rarer operators always fail at once;
#: `is` and `==` are the same for None, True and small numbers.
LEFT_OUT = re.compile(
    r"core/(ReplaceBinaryOperator_BitOr_\w+|ReplaceBinaryOperator_\w+_(Mod|Pow|RShift|LShift|BitOr|BitAnd|BitXor)"
    r"|ReplaceComparisonOperator_(Is_Eq|Eq_Is|IsNot_NotEq|NotEq_IsNot))"
)

#: Operator and line of mutants that do nothing: what only a type checker reads, and what guards against mistakes that
#: are not made (nobody writes to what is frozen; lists that are zipped are of one length).
IDLE = re.compile(r"if TYPE_CHECKING:|core/ReplaceTrueWithFalse .*\b(frozen|strict)=True\b")


def mutants(config: ConfigDict, database: WorkDB) -> dict[str, list[MutationSpec]]:
    """A package's mutants by their place."""
    modules = filter_paths(find_modules([Path(config["module-path"])]), config.get("excluded-modules", []))
    init(sorted(modules), database, config.operators_config)
    found: dict[str, list[MutationSpec]] = {}
    specs = [spec for item in database.work_items for spec in item.mutations if not LEFT_OUT.match(spec.operator_name)]
    for spec in sorted(specs, key=lambda spec: (spec.module_path, spec.start_pos, spec.operator_name, spec.occurrence)):
        line = spec.module_path.read_text(encoding="utf-8").splitlines()[spec.start_pos[0] - 1]
        if not IDLE.search(f"{spec.operator_name} {line}"):
            found.setdefault(f"{spec.module_path}:{spec.start_pos[0]}:{spec.start_pos[1]}", []).append(spec)
    return found


def sample(found: dict[str, list[MutationSpec]], count: int, seed: int) -> Iterator[MutationSpec]:
    """One mutant of each of so many places: an operator that has many others does not weigh more for that."""
    draw = random.Random(seed)
    for place in draw.sample(sorted(found), min(count, len(found))):
        yield draw.choice(found[place])


def import_libraries() -> None:
    """Import what takes long, and forget the modules that are changed, which every fork imports for itself."""
    for library in LIBRARIES:
        importlib.import_module(library)
    stand_in = "bench.detection.mmcv_ext"
    importlib.import_module(stand_in).provide_mmcv_ext()
    importlib.import_module("mmdet.models")
    for name in list(sys.modules):
        if name.split(".")[0] in ("bench", "tests") and name != stand_in:
            del sys.modules[name]


def passes(config: ConfigDict, module: Path | None = None, every: bool = False) -> bool:
    """Whether a package's tests pass within its time: file by file, each in a fork.

    Args:
        module: what is changed, if anything is. The files that are called like it come first.
        every: whether all tests of the package are run, and not the fast ones alone.
    """
    command = shlex.split(config.test_command)
    options = [word for word in command[command.index("pytest") + 1 :] if not word.startswith("tests/")]
    files = [word for word in command if word.startswith("tests/")]
    if every:
        if "-k" in options:
            chosen = options.index("-k")
            del options[chosen : chosen + 2]
        files = sorted(str(file) for file in Path("tests", config["module-path"]).rglob("test_*.py"))
    if module is not None:
        files.sort(key=lambda file: module.stem not in file)
    return all(fork(["--no-header", *options, file], config.timeout, keep_bytecode=module is None) for file in files)


def fork(arguments: list[str], limit: float, keep_bytecode: bool) -> bool:
    """Whether pytest passes within so many seconds."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        run_pytest(arguments, keep_bytecode)
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            # Of a file, `-k` may choose no test.
            return os.waitstatus_to_exitcode(status) in (0, 5)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def run_pytest(arguments: list[str], keep_bytecode: bool) -> None:
    """Run pytest in this process, which ends with it."""
    code = 1
    try:
        os.setsid()
        # Two changes within a second would look alike to Python.
        sys.dont_write_bytecode = not keep_bytecode
        said = os.open(os.environ.get("MUTATION_LOG", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(said, 1)
        os.dup2(said, 2)
        code = int(importlib.import_module("pytest").main(arguments))
    finally:
        os._exit(code)


def survives(spec: MutationSpec, config: ConfigDict, thorough: bool) -> str:
    """The change that no test noticed, or nothing."""
    operator = get_operator(spec.operator_name)(**spec.operator_args)
    with use_mutation(spec.module_path, operator, spec.occurrence) as (before, after):
        if not passes(config, spec.module_path) or (thorough and not passes(config, spec.module_path, every=True)):
            return ""
    changed = unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in changed if not line.startswith(("---", "+++", "@@")))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.splitlines()[0])
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=f"of {', '.join(CONFIGS)}; otherwise all")
    parser.add_argument("--count", type=int, default=240, help="how many, the same number of every package")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at", nargs="+", metavar="FILE:LINE", default=[], help="all mutants of these lines instead")
    parser.add_argument("--thorough", action="store_true", help="all tests of the package decide, not the fast ones")
    options = parser.parse_args(arguments)
    packages = options.packages or list(CONFIGS)
    tried = survived = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, Path(folder, name))
        os.chdir(folder)
        sys.path[0] = os.environ["PYTHONPATH"] = folder
        import_libraries()
        for package in packages:
            config = load_config(CONFIGS[package])
            with use_db(Path(folder, f"{package}.sqlite")) as database:
                found = mutants(config, database)
            if options.at:
                chosen = [spec for place in found for spec in found[place] if place.rpartition(":")[0] in options.at]
            else:
                chosen = list(sample(found, -(-options.count // len(packages)), options.seed))
            if not passes(config, every=options.thorough):
                print(f"{package}: its tests fail without any change")
                return 2
            alive = 0
            for spec in chosen:
                if change := survives(spec, config, options.thorough):
                    alive += 1
                    print(
                        f"survived: {spec.module_path}:{spec.start_pos[0]} {spec.operator_name}\n{change}", flush=True
                    )
            print(f"{package}: {len(found)} places, {len(chosen)} mutants, {alive} survived", flush=True)
            tried, survived = tried + len(chosen), survived + alive
    print(f"{tried} mutants, {survived} survived ({100 * survived / max(tried, 1):.1f} %)")
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main())
