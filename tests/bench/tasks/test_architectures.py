"""What ARCH may be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from backbones import zoo
from backbones.design import TimmModel
from backbones.errors import InputError
from backbones.genotype import Genotype
from bench.records.record import Record
from bench.tasks.architectures import NamedArchitecture, random_architecture, resolve, save_found

PDARTS = zoo.get("PDARTS").genotype


def test_a_zoo_name() -> None:
    assert resolve("PDARTS") == NamedArchitecture("PDARTS", PDARTS, "published")


def test_a_literal_and_a_file(tmp_path: Path) -> None:
    assert resolve(str(PDARTS)).genotype == PDARTS
    file = tmp_path / "my cell.json"
    file.write_text(json.dumps(PDARTS.to_json()))
    assert resolve(str(file)) == NamedArchitecture("my-cell", PDARTS, "given")


def test_a_finished_search(tmp_path: Path) -> None:
    found = NamedArchitecture("digits-s0-12345678", PDARTS, "P-DARTS", ("search/digits/x/seed0", "sha256:" + "0" * 64))
    save_found(tmp_path, found)
    assert resolve(str(tmp_path)) == found


def test_a_random_one_is_the_seed_s_own() -> None:
    assert resolve("random:7") == random_architecture(7)
    assert resolve("random:7") != resolve("random:8")
    assert resolve("random:7").genotype == Genotype.random(7)


def test_a_random_one_of_a_few_operations_is_no_baseline() -> None:
    found = resolve("random:7:skip_connect,max_pool_3x3")
    used = {operation for operation, _ in (*found.genotype.normal, *found.genotype.reduce)}
    assert used == {"skip_connect", "max_pool_3x3"}
    assert found.method == "restricted random"
    assert found.name == f"restricted-s7-{found.genotype.digest[:8]}"
    assert found == resolve("random:7:skip_connect,max_pool_3x3") != resolve("random:8:skip_connect,max_pool_3x3")
    assert {operation for operation, _ in resolve("random:0:noise").genotype.normal} == {"noise"}


def test_a_timm_model() -> None:
    found = resolve("timm:resnet50")
    assert found == NamedArchitecture("timm-resnet50", TimmModel("resnet50"), "timm")
    assert found.to_json() == {"name": "timm-resnet50", "genotype": None, "timm": "resnet50", "digest": None}
    with pytest.raises(InputError, match="timm:resnet50: a model of timm has no cells"):
        found.genotype  # noqa: B018


def test_a_timm_model_s_record_is_valid(make_record: Callable[..., Record]) -> None:
    record = make_record(architecture=resolve("timm:resnet50").to_json(), method="timm")
    assert record.architecture.timm == "resnet50"


@pytest.mark.parametrize(
    ("arch", "said"),
    [
        ("random:٣", "expected random:SEED"),
        ("./nothing.txt", "no such genotype file or search folder"),
        ("timm:resnet5", "did you mean 'timm:resnet50'?"),
        ("timm:", "such as timm:resnet50"),
        ("timm:resnet50.a1_in1k", "names weights; expected 'timm:resnet50'"),
        ("PDART", "did you mean 'PDARTS'?"),
        ("random:x", "expected random:SEED"),
        ("random:x:skip_connect", "expected random:SEED"),
        ("random:1:", "operation '': known: max_pool_3x3"),
        ("random:1:none", "operation 'none'"),
        ("random:1:skip_conect", "did you mean 'skip_connect'?"),
        ("random:1:noise,noise", "operation 'noise': given twice"),
        ("missing.json", "no such genotype file"),
        ("Genotype(normal=[", "cut off"),
        ("../../nothing", "no such genotype file or search folder"),
        ("", "no genotype of that name"),
    ],
)
def test_anything_else_is_one_line(arch: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=said.replace("?", r"\?").replace("(", r"\(")) as caught:
        resolve(arch)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"name": 1}'])
def test_a_broken_search_folder_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "genotype.json").write_text(text)
    with pytest.raises(InputError, match=r"genotype\.json"):
        resolve(str(tmp_path))


def test_an_empty_folder_is_no_search(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no finished search"):
        resolve(str(tmp_path))


def test_one_of_a_file_s_genotypes(tmp_path: Path) -> None:
    one, other = Genotype.random(0), Genotype.random(1)
    file = tmp_path / "genotypes.py"
    file.write_text(f"A = {one}\nB = {other}\n", encoding="utf-8")
    assert resolve(f"{file}:A").design == one
    assert resolve(f"{file}@last").design == other
    assert resolve(f"{file}:A").name == "genotypes-A"
    log = tmp_path / "log.txt"
    log.write_text(f"epoch 3\n{one}\nepoch 4\n{other}\n", encoding="utf-8")
    assert resolve(f"{log}@3").design == one
    assert resolve(f"{log}@4").name == "log-4"
    with pytest.raises(InputError, match="no such genotype file"):
        resolve(f"{tmp_path}/none.txt@last")
