"""The scripts in docs/examples, run on the miniature digits, and the Python blocks of the pages."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from backbones import zoo
from tests.bench.conftest import TINY_OPTIONS
from tests.bench.pages.pages import PAGES, ROOT, Block, blocks

EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture
def digits(on_mini_digits: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder where the miniature digits stand for the embedded ones."""
    monkeypatch.setattr("bench.digits.recipe.ensure", lambda folder, seed, recipe: folder)
    return on_mini_digits


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_examples_are_tested_and_listed() -> None:
    scripts = {"pasted_genotype", "compare_over_seeds", "own_mmdetection_config"}
    assert {file.stem for file in EXAMPLES.glob("*.py")} == {*scripts, "my_retinanet"}
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(f"[{name}.py]({name}.py)" in page for name in scripts)


def test_a_pasted_genotype_as_ssd_s_backbone(digits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = example("pasted_genotype")
    script.OPTIONS = list(TINY_OPTIONS["detection"])
    script.main()
    out = capsys.readouterr().out
    # What is pasted is DARTS' second-order cell, of two skip connections in the normal cell.
    digest = zoo.get("DARTS_V2").genotype.digest
    assert out.startswith(f"{digest[:12]}: 2 skip connections")
    assert re.search(r"^ap50 +\d+\.\d\d %$", out, re.MULTILINE)
    assert f"| genotype-{digest[:8]}" in out


def test_two_architectures_over_seeds(digits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = example("compare_over_seeds")
    script.OPTIONS = list(TINY_OPTIONS["classification"])
    script.main()
    out = capsys.readouterr().out
    assert re.search(r"^PDARTS +3 ", out, re.MULTILINE)
    assert re.search(r"^random-s0-5b6fac15 +3 ", out, re.MULTILINE)
    assert "p (paired t)" in out


def test_a_cell_backbone_in_one_s_own_config(digits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    narrow = {"model.backbone.channels": 4, "model.backbone.layers": 3, "model.neck.in_channels": [16, 32, 64]}
    example("own_mmdetection_config").main(**{"train_cfg.max_epochs": 1, **narrow})
    assert "WildnasCellBackbone of PDARTS under RetinaNet" in capsys.readouterr().out


PYTHON = [block for page in PAGES for block in blocks(page) if block.language == "python"]


@pytest.mark.parametrize("block", [b for b in PYTHON if b.prints is not None], ids=str)
def test_a_python_block_prints_what_the_page_says(
    block: Block, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(block.text, {})
    assert capsys.readouterr().out == block.prints


#: Configs in pages, by their first line, and the README's block, which tests/bench/test_api.py runs.
ELSEWHERE = {
    'task = "pipeline"',
    '_base_ = "detection/coco_ssd320"  # a protocol by its name, from a config anywhere',
    'custom_imports = dict(imports=["bench.detection.components"], allow_failed_imports=False)',
    "import bench",
    # search/README.md; tests/search/test_configs.py resolves names of protocols.
    '_base_ = "search/p_darts_cifar10"',
}


@pytest.mark.parametrize("block", [b for b in PYTHON if b.prints is None], ids=str)
def test_every_other_python_block_is_a_config(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.pipeline.assembly import load_pipeline
    from bench.tasks.registry import load_protocol

    first = block.text.splitlines()[0]
    assert first in ELSEWHERE
    file = tmp_path / "mine.py"
    file.write_text(block.text, encoding="utf-8")
    if first == 'task = "pipeline"':
        assert load_pipeline(str(file)).stages
    elif first == '_base_ = "search/p_darts_cifar10"':
        assert load_protocol(str(file))[0].name == "search"
    elif first.startswith("_base_"):
        _, protocol = load_protocol(str(file))
        assert protocol.config["train_cfg"]["max_epochs"] == 12
    elif first.startswith("custom_imports"):
        file.write_text('_base_ = "detection/coco_ssd320"\n' + block.text, encoding="utf-8")
        _, protocol = load_protocol(str(file))
        assert protocol.config["model"]["backbone"]["layers"] == 14
