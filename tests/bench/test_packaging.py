"""What an ordinary `pip install` brings: configs and zoo beside the code."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel, unpacked: what lies in site-packages after an installation."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    # Built from a copy of the files under version control: a build leaves things beside what it builds.
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "-z"], capture_output=True, check=True
    )
    for name in listed.stdout.decode().rstrip("\0").split("\0"):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(folder), str(source)], check=True, capture_output=True)
    (wheel,) = folder.glob("wildnas-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_configs_and_zoo_are_found_without_the_checkout(installed: Path, tmp_path: Path) -> None:
    code = (
        "import bench, search.configs as c, backbones.zoo as z; "
        "print(bench.__file__); print(*c.config_names()); print(*z.names()); "
        "print(c.load_config('detection/coco_ssd320').values['task'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    where, configs, names, task = done.stdout.splitlines()[-4:]
    assert where.startswith(str(installed))
    in_checkout = {p.relative_to(ROOT / "configs").with_suffix("").as_posix() for p in (ROOT / "configs").rglob("*.py")}
    assert set(configs.split()) == {name for name in in_checkout if "_base_" not in name}
    assert "PDARTS" in names.split()
    assert task == "detection"


def test_no_package_but_ours_is_installed(installed: Path) -> None:
    top = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert top == {"backbones", "search", "bench"}


def test_constraints_pin_every_dependency() -> None:
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    pinned = {
        line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
    }
    extras = ("ray", "parquet", "weights", "export")
    wanted += [each for extra in extras for each in project["optional-dependencies"][extra]]
    names = {wanted_name(text) for text in wanted} - {"setuptools", *(f"wildnas[{extra}]" for extra in extras)}
    assert names <= pinned


def wanted_name(requirement: str) -> str:
    return requirement.split(">")[0].split("<")[0].split("=")[0].strip().lower()


def test_the_papers_tables_are_found_without_the_checkout(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "table", "reid", "--published", "--format", "csv"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    # P-DARTS Table 5: 12 rows, each on three data sets.
    assert len(done.stdout.splitlines()) == 1 + 36
