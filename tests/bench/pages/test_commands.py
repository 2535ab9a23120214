"""Every command in the pages for readers, run as far as it can be here.

On embedded or miniature data a command runs to its end, with options that make it quick. One whose data are absent runs
up to the line that says which data these are: by then its arguments, protocols, architectures and options were checked.
What takes too long, or is no command of ours, is parsed. `WAYS` says which command goes which way; one that has no line
there fails the test, and so does a line that no command needs.
"""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from backbones import zoo
from bench.commands.cli import build_parser, main
from tests.bench.conftest import TINY_OPTIONS
from tests.bench.pages.pages import PAGES, ROOT, Command, commands
from tests.bench.tasks.test_task_contract import SEARCH_OPTIONS

#: As `TINY_OPTIONS`, for protocols that are not of the digits and on data of one's own.
OWN_OPTIONS = {
    "detection": (*TINY_OPTIONS["detection"][1:], "limit=2"),
    "reid": (*TINY_OPTIONS["reid"][1:], "batch_size=8", "height=96", "width=32", "limit=16"),
}


@dataclass(frozen=True)
class Place:
    """Where a page's commands run, one after another: an empty folder with the files that the pages name."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def newest(self, pattern: str) -> str:
        """The path of the file or folder that was made last."""
        found = sorted(self.folder.glob(pattern), key=lambda file: file.stat().st_mtime)
        assert found, f"no {pattern}"
        return str(found[-1].relative_to(self.folder))

    def argv(self, command: str) -> list[str]:
        """Its arguments behind the program, with names in the place of NAME and CHECKPOINT."""
        words = shlex.split(command)[1:]
        if "CHECKPOINT" in words:
            words[words.index("CHECKPOINT")] = self.newest("work/*/*/*/seed*/*/checkpoint.pth")
        if "/NAME" in command:
            name = Path(self.newest("work/search/digits_pc_darts/*")).name
            words = [word.replace("/NAME", f"/{name}") for word in words]
        return words

    def call(self, argv: Sequence[str]) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of a command line."""
        self.capsys.readouterr()
        try:
            code = main(argv)
        except SystemExit as stop:
            code = int(stop.code or 0)
        return (code, *self.capsys.readouterr())


Way = Callable[[str, Place], None]


def to_the_end(*more: str, options: Sequence[str] = ()) -> Way:
    """It ends well, with these options and those that make the protocols that it names quick."""

    def run(command: str, place: Place) -> None:
        argv = place.argv(command)
        quick = [option for task, tiny in TINY_OPTIONS.items() if f"{task}/digits" in command for option in tiny]
        if argv[:2] == ["search", "search/digits_pc_darts"] or argv[:2] == ["speed", "search"]:
            quick = list(SEARCH_OPTIONS)
        if "--on" not in argv and argv[0] not in ("search", "speed"):
            quick = []
        code, out, err = place.call([*with_options(argv, list(dict.fromkeys([*quick, *options]))), *more])
        assert code == 0, err
        assert out

    return run


def with_options(argv: Sequence[str], options: Sequence[str]) -> list[str]:
    """The command line with more options behind those that it has."""
    argv = list(argv)
    if not options:
        return argv
    if "--cfg-options" not in argv:
        return [*argv, "--cfg-options", *options]
    ends = argv.index("--cfg-options") + 1
    while ends < len(argv) and not argv[ends].startswith("--"):
        ends += 1
    return [*argv[:ends], *options, *argv[ends:]]


def misses(*words: str) -> Way:
    """It ends in one line that says what is missing."""

    def run(command: str, place: Place) -> None:
        code, out, err = place.call(place.argv(command))
        lines = [line for line in err.splitlines() if line.startswith("wildnas: ")]
        assert (code, out) == (2, ""), err
        assert len(lines) == 1, err
        assert all(word in lines[0] for word in words), lines[0]

    return run


def parsed(command: str, place: Place) -> None:
    """Its arguments are known, and so are the protocols, architectures and options that it names."""
    from bench.pipeline.assembly import load_pipeline
    from bench.tasks.architectures import resolve
    from bench.tasks.registry import load_protocol

    arguments = build_parser().parse_args(place.argv(command))
    options = getattr(arguments, "cfg_options", ())
    for name in [*(getattr(arguments, "on", None) or ()), *filter(None, [getattr(arguments, "config", None)])]:
        load_protocol(name, options)
    for name in getattr(arguments, "arch", ()):
        assert resolve(name).name
    if hasattr(arguments, "pipeline"):
        assert load_pipeline(arguments.pipeline, options).stages


def by_torchrun(command: str, place: Place) -> None:
    """torchrun and `python -m bench` each know their part."""
    from torch.distributed.run import get_args_parser

    asked = get_args_parser().parse_args(shlex.split(command)[1:])
    assert asked.module
    assert asked.training_script == "bench"
    parsed(shlex.join(["wildnas", *asked.training_script_args]), place)


def by_make(command: str, place: Place) -> None:
    """The Makefile has the target, and can say what it would do."""
    done = subprocess.run(["make", "-n", command.split()[1]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def by_help(command: str, place: Place) -> None:
    """The module's `--help` knows every option."""
    words = shlex.split(command)
    assert words[1] == "-m"
    asked = [sys.executable, "-m", words[2], "--help"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    for word in words[3:]:
        assert not word.startswith("--") or word in done.stdout


def is_file(command: str, place: Place) -> None:
    """The script or folder that it names is there; test_examples.py runs the examples."""
    assert (ROOT / shlex.split(command)[-1]).exists()


def importable(command: str, place: Place) -> None:
    """A tool of the developers' that is configured here."""
    assert (ROOT / ".pre-commit-config.yaml").is_file()


#: Which commands (a pattern that has to fit all of it) go which way; the first that fits counts.
WAYS: dict[str, Way] = {
    # Developers' commands.
    r"make \S+": by_make,
    r"bash \.ci/run|\.venv/bin/python -m pytest tests/backbones|python docs/examples/\w+\.py": is_file,
    r"\.venv/bin/pre-commit install": importable,
    r"\S*python -m (tests\.(fuzz|mutation)|bench\.(detection\.overfit|pipeline\.survival)) .*": by_help,
    r"python -m bench\.records\.studies .*": by_help,
    r"torchrun .*": by_torchrun,
    # To the end, on the miniature digits or on none.
    r"wildnas (zoo|doctor|report|derive|detect|records)\b(?!.*--gpu).*": to_the_end(),
    r"wildnas transfer --study my_study": misses("my_study", "no such study"),
    r"wildnas (table|transfer|data digits|reid rank)\b.*": to_the_end(),
    r"wildnas (weights|card) .*": to_the_end(),
    r"wildnas export (CHECKPOINT --raw|PDARTS --size) .*": to_the_end(),
    r"wildnas data check (classification|detection)/digits\S*": to_the_end(options=["embedded=None"]),
    r"wildnas data check classification/digits --data my-images": to_the_end(),
    r"wildnas search search/digits_pc_darts.*": to_the_end(),
    r"wildnas evaluate .*--on (\w+/digits\w* ?)+(--.*)?": to_the_end(),
    r"wildnas evaluate .*--data my-boxes.*": to_the_end(options=OWN_OPTIONS["detection"]),
    r"wildnas evaluate .*--data my-people": to_the_end(options=OWN_OPTIONS["reid"]),
    r"wildnas speed classification .*/digits --kernels": to_the_end(),
    r"wildnas speed (search|reid|classification) .*/digits\w* ?(--plain|--record)?": to_the_end("--repetitions", "1"),
    # Up to the line that says what is missing.
    r"wildnas doctor --gpu --json": misses("GPU"),
    r"wildnas test-dev export .*": misses("was trained under detection/digits_ssd, not under detection/coco_ssd320"),
    r"wildnas test-dev check .*": misses("nowhere/coco"),
    r"wildnas data check detection/coco_\w+": misses("nowhere/coco", "no such data folder"),
    r"wildnas search search/\w+_cifar10.*": misses("nowhere/cifar-10-batches-py", "no such file"),
    r"wildnas search search/\w+_imagenet.*": misses("nowhere/imagenet/train", "no such data folder"),
    r"wildnas evaluate .*--on (classification|zerocost)/cifar10\w*( classification/\w+)?": misses("nowhere/cifar-10"),
    r"wildnas evaluate .*--on classification/imagenet_mobile.*": misses("nowhere/imagenet", "no such data folder"),
    r"wildnas evaluate .*--on detection/coco_.*": misses("nowhere/coco", "no such data folder"),
    r"wildnas evaluate .*data_root=my-people": to_the_end(options=OWN_OPTIONS["reid"]),
    r"wildnas evaluate .*--on reid/(market1501|dukemtmcreid|msmt17)_.*": misses("nowhere/reid", "missing"),
    r"wildnas run pipelines/real_mini": misses("nowhere/cifar10_mini", "no such data folder"),
    # Known in every word, and too long to be run here: their own tests do that in the small.
    r"wildnas run .*": parsed,
    r"wildnas (speed|export) .*": parsed,
}


def way_of(command: Command) -> Way:
    return next((way for pattern, way in WAYS.items() if re.fullmatch(pattern, command.text)), _none)


def _none(command: str, place: Place) -> None:
    raise AssertionError("has no line in WAYS")


@pytest.fixture
def place(
    on_mini_digits: Path, mini_digits: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Place:
    import torch

    folder = on_mini_digits
    monkeypatch.setenv("WILDNAS_DATA", str(folder / "nowhere"))
    monkeypatch.setattr("bench.digits.recipe.ensure", lambda root, seed, recipe: root)
    (folder / "work").mkdir()
    (folder / "work" / "digits").symlink_to(mini_digits, target_is_directory=True)
    (folder / "my-images").symlink_to(mini_digits / "classification", target_is_directory=True)
    (folder / "my-boxes").symlink_to(mini_digits / "coco", target_is_directory=True)
    (folder / "my-people").symlink_to(
        next(found.parent for found in mini_digits.glob("market1501/**/query")), target_is_directory=True
    )
    (folder / "my_genotype.json").write_text(str(zoo.get("DARTS_V2").genotype), encoding="utf-8")
    (folder / "detections_test-dev2017_mine_results.json").write_text("[]", encoding="utf-8")
    for name in ("imagenet.pth", "theirs.pth", "vgg16.pth", "checkpoint.pth"):
        torch.save({"state_dict": {"stem.weight": torch.zeros(1)}}, folder / name)
    return Place(folder, capsys)


COMMANDED = [page for page in PAGES if commands(page)]


@pytest.mark.parametrize("page", COMMANDED, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_a_page_is_right(page: Path, place: Place) -> None:
    for command in commands(page):
        try:
            way_of(command)(command.text, place)
        except AssertionError as error:
            raise AssertionError(f"{command}: {error}") from error


def test_no_way_is_spare() -> None:
    used = {id(way_of(command)) for page in PAGES for command in commands(page)}
    assert [pattern for pattern, way in WAYS.items() if id(way) not in used] == []


def test_every_link_and_picture_of_the_pages_is_there() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("https://") or (page.parent / target).exists(), f"{page}: {target}"


def test_the_pictures_are_small() -> None:
    pictures = [*(ROOT / "docs" / "pictures").glob("*.png"), *(ROOT / "docs" / "pictures").glob("*.svg")]
    assert pictures
    assert sum(picture.stat().st_size for picture in pictures) < 1_500_000


def test_the_first_page_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_modules_named_in_pages_are_there() -> None:
    for module in ("bench.detection.tool", "bench.detection.overfit", "bench.pipeline.survival"):
        assert importlib.util.find_spec(module) is not None
