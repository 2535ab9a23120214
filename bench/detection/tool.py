"""Run a script of MMDetection with the stand-in for mmcv's compiled operations.

`python -m bench.detection.tool tools/test.py CONFIG CHECKPOINT …`: some of MMDetection's tools (test.py, not train.py)
import `mmcv.ops` before they read the config, whose `custom_imports` would provide it. With a compiled mmcv this module
is not needed.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.detection.mmcv_ext import provide_mmcv_ext


def main(arguments: Sequence[str]) -> None:
    """Run `arguments[0]` as a script with the rest as its arguments."""
    if not arguments or not Path(arguments[0]).is_file():
        raise SystemExit(
            "usage: python -m bench.detection.tool SCRIPT [ARGUMENT …], such as tools/test.py of MMDetection"
        )
    provide_mmcv_ext()
    sys.argv = list(arguments)
    runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
