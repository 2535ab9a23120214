"""Make the pictures of the pages from the records and checkpoints of a working folder.

`python docs/pictures/make.py FOLDER`, in the checkout. FOLDER holds `results/` and `work/` of
`wildnas run pipelines/digits`, and in `progress.txt` what that showed meanwhile. Chromium photographs the report
and lays out the pictures that consist of several. All are reduced to few colours, so that they are small.

`python docs/pictures/make.py --study NAME` photographs the proxies on the page of a shipped study.
"""

from __future__ import annotations

import html
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from bench import api

OUT = Path(__file__).parent
STYLE = """body{margin:0;font:15px/1.4 sans-serif;background:#fff;color:#222}
pre{margin:0;padding:14px 18px;background:#1e1e24;color:#dcdce4;font:14px/1.7 monospace}
.row{display:flex;align-items:center;gap:14px;padding:12px} .col{display:flex;flex-direction:column;gap:12px}
.arrow{font-size:34px;color:#777} img{display:block} .cap{font-size:14px;color:#444;padding-bottom:4px}
table{border-collapse:collapse;font-size:13px} td,th{padding:3px 9px;border-top:1px solid #bbb;text-align:left}"""

#: Of the scatters of a study, that of the best predictor of AP and that of rank-1.
BEST = """const figures = [...document.querySelectorAll("#proxies figure")];
const titled = name => figures.find(each => each.querySelector("figcaption").innerText.includes(name));
const kept = [titled("AP (%)"), titled("Rank-1 (%)")];
figures.filter(each => !kept.includes(each)).forEach(each => each.remove());
document.querySelectorAll("#proxies details").forEach(each => each.remove());"""


class Camera:
    """A headless browser that photographs pages."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        options = ChromeOptions()
        options.binary_location = str(shutil.which("chromium"))
        for switch in ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
            options.add_argument(switch)
        self._driver = Chrome(options=options, service=Service(str(shutil.which("chromedriver"))))

    def page(self, file: Path, out: str, width: int, height: int, scheme: str = "light") -> None:
        """The upper part of a page, `height` pixels of it."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "screen", "features": features})
        self._driver.get(file.resolve().as_uri())
        self._driver.save_screenshot(str(OUT / out))
        shrink(OUT / out)

    def element(self, file: Path, selector: str, out: str, width: int, before: str = "") -> None:
        """A part of a page, after a script."""
        size = {"width": width, "height": 1200, "deviceScaleFactor": 1, "mobile": False}
        self._driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self._driver.get(file.resolve().as_uri())
        self._driver.execute_script(before)
        self._driver.find_element(By.CSS_SELECTOR, selector).screenshot(str(OUT / out))
        shrink(OUT / out)

    def layout(self, body: str, out: str, width: int, height: int) -> None:
        """What a piece of HTML looks like; its pictures lie in the folder."""
        file = self._folder / f"{out}.html"
        file.write_text(f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{body}", encoding="utf-8")
        self.page(file, out, width, height)

    def close(self) -> None:
        self._driver.quit()


def shrink(file: Path, colours: int = 96) -> None:
    with Image.open(file) as picture:
        picture.convert("RGB").quantize(colours, dither=Image.Dither.NONE).save(file, optimize=True)


def main(folder: Path) -> None:
    results, work = folder / "results", folder / "work"
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        camera = Camera(place)
        api.draw_architecture("PDARTS", place / "cell.png", "normal")
        shutil.copy(place / "cell.png", OUT / "cell.png")
        shrink(OUT / "cell.png", 32)

        detector = next(work.glob("detection/digits_ssd/digits_*/seed0/*/checkpoint.pth"))
        canvases = sorted((work / "digits/coco/val2017").iterdir())[:6]
        found = [out for out, _ in api.detect_in(detector, canvases, place / "found", 0.3, results)]
        shown = "".join(f"<img height=200 src='found/{file.name}'>" for file in found)
        camera.layout(f"<div class=row style='flex-wrap:wrap'>{shown}</div>", "detections.png", 652, 438)

        identifier = next(work.glob("reid/digits_p3/digits_*/seed0/*/checkpoint.pth"))
        ranked = api.rank_checkpoint(identifier, place / "ranked", work / "digits", 3, 10, None, False, quiet, results)
        shown = "".join(f"<img width=900 src='ranked/{Path(file).name}'>" for file in ranked.files[:2])
        camera.layout(f"<div class=col style='padding:10px'>{shown}</div>", "ranked.png", 920, 366)

        report, _ = api.write_report(results, place / "report")
        camera.page(report, "report_wide.png", 1280, 900)
        camera.page(report, "report_dark.png", 1280, 900, "dark")
        camera.page(report, "report_phone.png", 390, 844)

        lines = html.escape((folder / "progress.txt").read_text(encoding="utf-8"))
        camera.layout(f"<pre>{lines}</pre>", "progress.png", 1040, 20 + 24 * (lines.count("\n") + 1))

        camera.layout(overview(results, place, found[:2], Path(ranked.files[0])), "overview.png", 1240, 300)
        camera.close()
    for picture in sorted(OUT.glob("*.png")):
        print(f"{picture.stat().st_size / 1000:7.0f} kB  {picture.name}")


def overview(results: Path, place: Path, found: list[Path], ranked: Path) -> str:
    """From a search to a table: its cell, what detector and re-identifier do with it, and their records' numbers."""
    frame = api.results(results=results, published=False)
    search = frame[frame["task"] == "search"].iloc[0]
    folder = results.parent / "work" / search["protocol"] / search["architecture"]
    api.draw_architecture(str(folder), place / "searched.png", "normal")
    cells = ""
    for key, name in (("top1_error", "top-1 error"), ("ap", "AP"), ("rank1", "rank-1")):
        rows = frame[(frame["architecture"] == search["architecture"]) & frame[key].notna()]
        cells += "".join(f"<tr><td>{row['task']}<td>{name}<td>{row[key]:.2f} %" for _, row in rows.head(1).iterrows())
    boxes = "".join(f"<img height=150 src='found/{file.name}'>" for file in found)
    return f"""<div class=row>
<div><div class=cap>search</div>PC-DARTS<br>on digits</div><div class=arrow>→</div>
<div><div class=cap>cell</div><img width=360 src='searched.png'></div><div class=arrow>→</div>
<div class=col><div><div class=cap>detector</div><div style='display:flex;gap:6px'>{boxes}</div></div>
<div><div class=cap>re-identifier</div><img width=340 src='ranked/{ranked.name}'></div></div><div class=arrow>→</div>
<div><div class=cap>table</div><table>{cells}</table></div></div>"""


def study(name: str) -> None:
    with tempfile.TemporaryDirectory() as made:
        camera = Camera(Path(made))
        report, _ = api.write_report(api.study_folder(name), Path(made) / "report")
        camera.element(report, "#proxies .panels", f"study_{name}.png", 1180, BEST)
        camera.close()


def quiet(fraction: float, doing: str) -> None:
    """Show no progress."""


if __name__ == "__main__":
    if sys.argv[1] == "--study":
        study(sys.argv[2])
    else:
        main(Path(sys.argv[1]))
