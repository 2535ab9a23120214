"""The command: what it lists, what it imports, and what it says to mistakes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from backbones import zoo
from bench.commands import COMMANDS
from bench.commands.cli import main
from bench.records.record import Record
from bench.records.store import RecordStore

MakeRecord = Callable[..., Record]


def test_help_and_the_zoo_s_list_import_nothing_heavy() -> None:
    code = (
        "import sys; from bench.commands.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "main(['zoo', 'list'])\n"
        "heavy = {'torch', 'torchvision', 'mmengine', 'mmdet', 'torchreid', 'pandas', 'numpy', 'pydantic',"
        "         'scipy', 'matplotlib', 'jinja2', 'networkx', 'PIL', 'yaml', 'ray', 'timm'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert all(f"\n    {name} " in done.stdout for name in COMMANDS)
    assert all(name in done.stdout for name in zoo.names())


DETECTION = ["evaluate", "PDARTS", "--on", "detection/digits_ssd", "--cfg-options"]


def said(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """The one line that a mistaken command line gets; nothing is printed on standard output."""
    try:
        code = main(argv)
    except SystemExit as stop:
        code = stop.code
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("wildnas")
    return lines[0]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["fly"], ["fly", "search"]),
        (["evaluate", "PDART", "--on", "classification/digits"], ["PDART", "did you mean 'PDARTS'?"]),
        (["evaluate", "PDARTS", "--on", "classification/digit"], ["did you mean 'classification/digits'?"]),
        (["evaluate", "PDARTS", "--on", "search/digits_pc_darts"], ["digits_pc_darts.py", "'task' is 'search'"]),
        (
            ["evaluate", "PDARTS", "--on", "classification/digits", "--cfg-options", "epoch=1"],
            ["classification/digits.py", "unknown key 'epoch'", "did you mean 'epochs'?"],
        ),
        (
            ["evaluate", "PDARTS", "--on", "classification/digits", "--cfg-options", "epochs=none"],
            ["digits.py", "key 'epochs'", "'none'"],
        ),
        (["evaluate", "PDARTS", "--on", "classification/digits", "--cfg-options", "epochs"], ["expected key=value"]),
        (["evaluate", "PDARTS", "--on", "classification/digits", "--weights", "no.pth"], ["no.pth", "no such file"]),
        (["evaluate", "PDARTS", "--on", "classification/digits", "--seeds", "-1"], ["-1"]),
        (
            ["evaluate", "PDARTS", "--on", "classification/digits", "--seeds", "5000000000"],
            ["5000000000", "4294967295"],
        ),
        (["evaluate", "random:" + "1" * 5000, "--on", "classification/digits"], ["expected random:SEED"]),
        (
            ["evaluate", "PDARTS", "--on", "detection/digits_ssd", "--cfg-options", "custom_imports=3"],
            ["custom_imports"],
        ),
        (
            [
                "evaluate",
                "PDARTS",
                "--on",
                "detection/digits_ssd",
                "--cfg-options",
                "train_dataloader.dataset.pipeline=7",
            ],
            ["train_dataloader.dataset.pipeline", "list of transforms"],
        ),
        (["evaluate", "PDARTS", "--on", "reid/digits_p3", "--cfg-options", "transforms.x.y=3"], ["transforms.x.y=3"]),
        (["search", "search/pc_darts_cifar10"], ["nowhere/cifar-10-batches-py", "no such file", "download=True"]),
        (["search", "search/pc_darts_imagenet"], ["nowhere/imagenet/train", "no such data folder", "WILDNAS_DATA"]),
        (["search", "classification/digits"], ["'task' is 'classification'"]),
        (["search", "search/nothing"], ["search/nothing", "no such protocol"]),
        (["run", "pipelines/digit"], ["did you mean 'pipelines/digits'?"]),
        (["run", "pipelines/real_mini"], ["nowhere/cifar10_mini/train", "no such data folder"]),
        (["derive", "architecture.json"], ["architecture.json"]),
        (["derive", "architecture.json", "--max-skips", "two"], ["'two'"]),
        (["table", "detection", "--measured"], ["results", "holds no detection record"]),
        (["table", "detection", "--sort", "nothing"], ["sort nothing", "no such column", "ap75"]),
        (["table", "detection", "--group", "networks"], ["group networks", "did you mean 'network'?"]),
        (["table", "reid", "--protocol", "reid/market1501_p2"], ["did you mean 'reid/market1501_p"]),
        (["table", "reid", "--compare", "A", "B", "--published"], ["compare", "published"]),
        (["table", "reid", "--descending"], ["by which column to sort"]),
        (["records", "check"], ["results/records", "no such folder"]),
        (["zoo", "show", "Genotype(normal=["], ["cut off"]),
        (["zoo", "show", "timm:resnet5"], ["did you mean 'timm:resnet50'?"]),
        (["zoo", "draw", "PDARTS", "--out", "cell.gif"], ["cell.gif", ".svg"]),
        (["zoo", "draw", "PDART", "--out", "cell.svg"], ["did you mean 'PDARTS'?"]),
        (["zoo", "draw", "timm:resnet50", "--out", "cell.svg"], ["timm:resnet50", "no cells"]),
        (["zoo", "draw", "PDARTS"], ["--out"]),
        (["evaluate", "timm:vgg16", "--on", "classification/digit"], ["did you mean 'classification/digits'?"]),
        (["data", "check", "detection/coco_ssd320"], ["nowhere/coco"]),
        (["data", "check", "reid/market1501_p3"], ["nowhere/reid"]),
        (["data", "digits", "--seed", "x"], ["'x'"]),
    ],
)
def test_a_mistake_ends_in_one_line(
    argv: list[str],
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WILDNAS_DATA", str(tmp_path / "nowhere"))
    line = said(capsys, *argv)
    for word in words:
        assert word in line
    assert not (tmp_path / "results").exists()


def test_debug_shows_the_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from backbones.errors import InputError

    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        main(["--debug", "zoo", "show", "nothing"])


def test_zoo_show_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["zoo", "show", "PDARTS", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    # FACTS of the papers' networks: parameters to the unit, multiply-adds of P-DARTS Table 3.
    assert content["cost"]["cifar10"]["params"] == 3_433_798
    assert content["cost"]["cifar10_large"]["params"] == 10_521_802
    assert content["cost"]["imagenet"]["params"] == 4_944_352
    assert round(content["cost"]["imagenet"]["published_macs"] / 1e6) == 557
    assert content["digest"] == zoo.get("PDARTS").genotype.digest
    assert content["genotype"] == zoo.get("PDARTS").genotype.to_json()
    assert content["name"] == "PDARTS"
    assert "Progressive DARTS" in content["citation"]
    assert {row["where"] for row in content["published"]} == {"Table 1", "Table 2", "Table 3"}
    assert content["depth"]["normal"] == {
        "levels": [1, 2, 1, 2, 2, 3, 1, 4],
        "mean_level": 2.0,
        "longest_path": 3,
        "skips": 2,
    }


def test_zoo_show_of_a_timm_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["zoo", "show", "timm:resnet50", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["genotype"], content["depth"], content["published"]) == (None, None, [])
    # As torchvision documents its ResNet-50.
    assert content["cost"]["imagenet"]["params"] == 25_557_032
    assert round(content["cost"]["imagenet"]["macs"] / 1e9, 2) == 4.09


@pytest.mark.parametrize("arch", ["SNAS_mild", "random:5", str(zoo.get("NASNet").genotype), "timm:resnet10t"])
def test_zoo_show_for_eyes(arch: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["zoo", "show", arch]) == 0
    out = capsys.readouterr().out
    assert "M as the papers count" in out
    assert ("output: nodes" in out) == (not arch.startswith("timm"))
    if arch == "SNAS_mild":
        entry = zoo.get(arch)
        assert entry.citation in out
        assert entry.note in out
        assert "imagenet_top1_error=27.3" in out


def test_zoo_draw(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "pictures" / "cell.svg"
    assert main(["zoo", "draw", "PDARTS", "--out", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}\n"
    labels = re.findall(r">\s*([a-z_]+_\d+x\d+|skip_connect)\s*<", file.read_text())
    genotype = zoo.get("PDARTS").genotype
    assert Counter(labels) == Counter(name for name, _ in genotype.normal + genotype.reduce)
    assert main(["zoo", "draw", "random:1", "--cell", "reduce", "--out", str(tmp_path / "one.png")]) == 0
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")


def test_a_table_leaves_a_broken_record_out_and_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, make_record: MakeRecord
) -> None:
    store = RecordStore(tmp_path)
    store.write(make_record())
    store.path("classification/digits/PDARTS/seed1").write_text("{")
    assert main(["table", "classification", "--measured", "--results", str(tmp_path), "--format", "json"]) == 0
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)["rows"]) == 1
    assert "seed1.json" in captured.err


def test_doctor_says_what_can_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    for row in ("torch 2", "detection", "re-identification", "NMS"):
        assert row in out


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m bench zoo list | head -n 1; exit ${{PIPESTATUS[0]}}"
    root = Path(__file__).parents[3]
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 0
    assert done.stderr == ""


def test_mistakes_of_detection_are_one_line_in_a_process_of_its_own(tmp_path: Path) -> None:
    # pytest keeps Python's warnings away from standard error; a user's terminal does not.
    command = [sys.executable, "-m", "bench", "data", "check", "detection/coco_ssd320"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "WILDNAS_DATA": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_a_folder_that_cannot_be_written_is_found_before_any_work(
    capsys: pytest.CaptureFixture[str], on_mini_digits: Path
) -> None:
    (on_mini_digits / "afile").write_text("")
    command = ["evaluate", "PDARTS", "--on", "classification/digits", "--cfg-options", "embedded=None"]
    for option in ("--results", "--work-dir"):
        assert "afile" in said(capsys, *command, option, "afile/below")
    assert not list(on_mini_digits.rglob("*.pth"))


def test_a_config_of_the_user_s_own_never_takes_the_name_of_ours(tmp_path: Path) -> None:
    from bench.tasks.registry import load_protocol
    from search.configs import config_root

    folder = tmp_path / "classification"
    folder.mkdir()
    file = folder / "digits.py"
    file.write_text(f"_base_ = {str(config_root() / 'classification/digits.py')!r}\nepochs = 1\n")
    assert load_protocol(str(file))[1].name == "classification/local-classification-digits"
    ours = load_protocol("classification/digits")[1]
    assert load_protocol(str(config_root() / "classification/digits.py"))[1].name == ours.name


def test_an_option_that_changes_nothing_marks_nothing() -> None:
    from bench.tasks.registry import load_protocol

    assert load_protocol("classification/digits", ["epochs=6"])[1].reasons(pretrained=False) == ()
    assert load_protocol("classification/digits", ["epochs=7"])[1].reasons(pretrained=False) == ("option epochs=7",)
