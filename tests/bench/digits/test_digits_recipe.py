from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from backbones.errors import InputError
from bench.digits import recipe
from bench.digits.recipe import MANIFEST_NAME, RECIPE_VERSION, digest, ensure, read_manifest


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the recipe one small file, for tests of how a folder comes about."""

    def write(folder: Path, split: object, seed: int) -> dict[str, int]:
        folder.mkdir()
        (folder / "file.txt").write_text(f"seed {seed}")
        return {"files": 1}

    monkeypatch.setattr(recipe, "RECIPES", {name: recipe.Recipe(0.5, {"quick": write}) for name in recipe.RECIPES})


def test_manifest_tells_what_is_there(digits_root: Path):
    manifest = read_manifest(digits_root)
    assert (manifest.seed, manifest.version) == (0, RECIPE_VERSION)
    assert manifest.sha256 == digest(digits_root)
    assert manifest.counts["classification"] == {"train images": 1293, "val images": 504}
    assert set(manifest.counts) == {"classification", "coco", "market1501"}


def test_same_seed_gives_the_same_bytes_and_another_seed_others(digits_root: Path, tmp_path: Path):
    first = read_manifest(digits_root)
    assert digest(ensure(tmp_path / "again", 0)) == first.sha256
    other = read_manifest(ensure(tmp_path / "other", 1))
    assert other.sha256 != first.sha256
    assert other.counts["classification"] == first.counts["classification"]


def test_nothing_is_redone(digits_root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recipe, "RECIPES", {})
    before = (digits_root / MANIFEST_NAME).stat().st_mtime_ns
    assert ensure(digits_root, 0) == digits_root
    assert (digits_root / MANIFEST_NAME).stat().st_mtime_ns == before


def test_missing_parents_are_made_and_nothing_is_left_beside(quick: None, tmp_path: Path):
    root = ensure(tmp_path / "a" / "b", 3)
    assert [path.name for path in root.parent.iterdir()] == ["b"]
    assert (root / "quick/file.txt").read_text() == "seed 3"


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_folder_has_the_usual_permissions(quick: None, tmp_path: Path):
    (tmp_path / "usual").mkdir()
    root = ensure(tmp_path / "root")
    assert stat.S_IMODE(root.stat().st_mode) == stat.S_IMODE((tmp_path / "usual").stat().st_mode)


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_nothing(
    quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
):
    def fail(folder: Path, split: object, seed: int) -> dict[str, int]:
        folder.mkdir()
        raise error

    writers = {**recipe.RECIPES["digits"].writers, "failing": fail}
    monkeypatch.setattr(recipe, "RECIPES", {"digits": recipe.Recipe(0.5, writers)})
    with pytest.raises(type(error)):
        ensure(tmp_path / "root")
    assert list(tmp_path.iterdir()) == []


def test_a_killed_write_does_not_pass_for_finished(quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def killed(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    # A process that is killed before the rename cleans nothing up.
    with monkeypatch.context() as patch:
        patch.setattr(recipe, "write_manifest", killed)
        patch.setattr(recipe.shutil, "rmtree", lambda *args, **kwargs: None)
        with pytest.raises(KeyboardInterrupt):
            ensure(tmp_path / "root")
    (left,) = tmp_path.iterdir()
    with pytest.raises(InputError, match="not a complete folder of digits"):
        ensure(left)
    assert ensure(tmp_path / "root").is_dir()


def test_the_one_who_comes_second_keeps_the_firsts(quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_manifest = recipe.write_manifest
    root = tmp_path / "root"

    def overtaken(folder: Path, manifest: recipe.Manifest) -> None:
        monkeypatch.setattr(recipe, "write_manifest", write_manifest)
        ensure(root)
        (root / "first").touch()
        write_manifest(folder, manifest)

    monkeypatch.setattr(recipe, "write_manifest", overtaken)
    assert ensure(root) == root
    assert (root / "first").exists()
    assert list(tmp_path.iterdir()) == [root]


def test_the_one_who_comes_second_with_another_seed_is_told(
    quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_manifest = recipe.write_manifest
    root = tmp_path / "root"

    def overtaken(folder: Path, manifest: recipe.Manifest) -> None:
        monkeypatch.setattr(recipe, "write_manifest", write_manifest)
        ensure(root, 1)
        write_manifest(folder, manifest)

    monkeypatch.setattr(recipe, "write_manifest", overtaken)
    with pytest.raises(InputError, match="and seed 1;"):
        ensure(root, 2)
    assert list(tmp_path.iterdir()) == [root]


def test_many_at_once_all_end_well(quick: None, tmp_path: Path):
    root = tmp_path / "root"
    start = threading.Barrier(8)
    returned: list[Path] = []

    def make() -> None:
        start.wait()
        returned.append(ensure(root))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert returned == [root] * 8
    assert list(tmp_path.iterdir()) == [root]
    assert digest(root) == read_manifest(root).sha256


def test_folder_of_another_seed_or_recipe_is_refused(quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    root = ensure(tmp_path / "root", 0)
    with pytest.raises(
        InputError, match=rf"{root}.*recipe digits {RECIPE_VERSION} and seed 0; expected recipe digits .* seed 1"
    ):
        ensure(root, 1)
    monkeypatch.setattr(recipe, "RECIPE_VERSION", RECIPE_VERSION + 1)
    with pytest.raises(InputError, match=f"recipe digits {RECIPE_VERSION + 1} and seed 0; name another folder"):
        ensure(root, 0)
    monkeypatch.undo()
    with pytest.raises(InputError, match="expected recipe digits_study"):
        ensure(root, 0, "digits_study")
    assert (root / "quick/file.txt").exists()


def test_a_manifest_without_a_recipe_s_name_is_that_of_the_digits(quick: None, tmp_path: Path):
    root = ensure(tmp_path / "root", 0)
    content = json.loads((root / MANIFEST_NAME).read_text())
    assert content.pop("recipe") == "digits"
    (root / MANIFEST_NAME).write_text(json.dumps(content))
    assert ensure(root, 0) == root


def test_the_study_has_more_images_to_test_on(digits_root: Path, tmp_path: Path):
    study, digits = read_manifest(ensure(tmp_path / "study", 0, "digits_study")), read_manifest(digits_root)
    assert study.counts["classification"] == {"train images": 269, "val images": 1528}
    assert study.counts["coco"]["val images"] == 3 * digits.counts["coco"]["val images"]
    assert study.counts["market1501"]["query images"] == 4 * digits.counts["market1501"]["query images"]
    # Both recipes begin with the same digits of every class.
    trained = {path.name for path in (tmp_path / "study/classification/train").rglob("*.png")}
    assert trained < {path.name for path in (digits_root / "classification/train").rglob("*.png")}


@pytest.mark.parametrize(
    "manifest",
    [None, "", "{", "[]", "{}", json.dumps({"seed": 0, "version": RECIPE_VERSION}), b"\xff"],
)
def test_folder_without_a_proper_manifest_is_refused_and_kept(
    quick: None, tmp_path: Path, manifest: str | bytes | None
):
    root = tmp_path / "mine"
    root.mkdir()
    (root / "thesis.tex").touch()
    if manifest is not None:
        (root / MANIFEST_NAME).write_bytes(manifest if isinstance(manifest, bytes) else manifest.encode())
    with pytest.raises(InputError) as raised:
        ensure(root)
    assert str(root) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert (root / "thesis.tex").exists()


def test_file_or_broken_link_in_the_way_is_refused(quick: None, tmp_path: Path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for root in (tmp_path / "file", tmp_path / "link"):
        with pytest.raises(InputError, match=str(root)):
            ensure(root)


def test_negative_seed_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="seed -1"):
        ensure(tmp_path / "root", -1)
    assert list(tmp_path.iterdir()) == []
