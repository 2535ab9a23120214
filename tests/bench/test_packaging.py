"""What an ordinary `pip install` brings: configs and zoo beside the code."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from backbones.genotype import Genotype
from bench.records.record import Record
from bench.records.store import RecordStore

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


def printed(installed: Path, folder: Path, *arguments: str) -> str:
    """Standard output of the installed command in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_papers_tables_are_found_without_the_checkout(installed: Path, tmp_path: Path) -> None:
    # P-DARTS Table 5: 12 rows, each on three data sets.
    assert len(printed(installed, tmp_path, "table", "reid", "--published", "--format", "csv").splitlines()) == 1 + 36


#: Five networks of another paper, the last one of the user's own cells; a smaller error goes with more AP.
ANOTHER_PAPER = "task,paper,table,protocol,architecture,identity,zoo,comparable,top1_error,ap,latency_ms\n" + "".join(
    f"classification,My-NAS,Table 1,classification/mine,{name},{identity},{zoo},{comparable},{25 - place},,\n"
    f"detection,My-NAS,Table 2,detection/mine,{name},{identity},{zoo},{comparable},,{28 + place},{9 + place}\n"
    for place, (name, identity, zoo, comparable) in enumerate(
        [*((f"Net {letter}", f"net-{letter}", "", "no") for letter in "abcd"), ("Our cells", "", "ours", "yes")]
    )
)


def test_another_paper_and_own_cells_are_in_table_transfer_and_report(
    installed: Path, tmp_path: Path, make_record: Callable[..., Record]
) -> None:
    cells = Genotype.random(5)
    for folder in ("zoo", "results/published"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "zoo" / "ours.json").write_text(json.dumps(cells.to_json()))
    (tmp_path / "results" / "published" / "mine.csv").write_text(ANOTHER_PAPER)
    assert "\nours " in printed(installed, tmp_path, "zoo", "list")
    measured = make_record(
        task="detection",
        protocol="detection/mine",
        architecture={"name": "ours", "genotype": cells.to_json(), "digest": cells.digest},
        metrics={"ap": {"value": 31.5, "unit": "%", "higher_is_better": True}},
    )
    RecordStore(tmp_path / "results").write(measured)

    table = printed(installed, tmp_path, "table", "detection", "--architecture", "ours", "--format", "json")
    rows = [(row["source"], row["ap"], row["ap_difference"], row["latency_ms"]) for row in json.loads(table)["rows"]]
    # The record has the cells of the paper's row, under its protocol.
    assert rows == [("My-NAS Table 2", 32, None, 13), ("measured", 31.5, -0.5, None)]

    pairs = json.loads(printed(installed, tmp_path, "transfer", "--on", "detection/mine", "--format", "json"))
    assert [(pair["source"], pair["proxy"], pair["architectures"], pair["kendall"]) for pair in pairs] == [
        ("My-NAS", "classification/mine", 5, 1.0)
    ]

    # A study's report is without the rows of PC-DARTS and P-DARTS, whose cells take seconds to draw.
    (tmp_path / "results" / "study.json").write_text("{}")
    page = tmp_path / printed(installed, tmp_path, "report").strip()
    text = page.read_text(encoding="utf-8")
    assert f'<figure id="cells-{cells.digest[:12]}">\n<figcaption>ours ' in text
    assert "10 rows of the My-NAS papers" in text
    assert "Our cells" in text
