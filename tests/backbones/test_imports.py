from __future__ import annotations

import json
import subprocess
import sys

HEAVY = ("mmcv", "mmdet", "mmengine", "torchreid", "torchvision", "matplotlib", "search", "bench")
EVERY_MODULE = """
import importlib, json, pkgutil, sys
import backbones
for module in pkgutil.walk_packages(backbones.__path__, "backbones."):
    importlib.import_module(module.name)
print(json.dumps(sorted(name.split(".")[0] for name in sys.modules)))
"""
ALONE = """
import json, sys
import backbones, backbones.zoo
backbones.zoo.get("PDARTS"), backbones.Genotype.random(0)
print(json.dumps(sorted(name.split(".")[0] for name in sys.modules)))
"""


def imported_by(code: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_backbones_knows_torch_and_nothing_above_it() -> None:
    modules = imported_by(EVERY_MODULE)
    assert "torch" in modules
    assert not modules & set(HEAVY)


def test_genotypes_and_the_zoo_need_no_torch() -> None:
    assert not imported_by(ALONE) & {"torch", "numpy", *HEAVY}


def test_the_lazy_names_resolve() -> None:
    import backbones

    for name in backbones.__all__:
        # A union of types (`Design`) has no name.
        assert getattr(getattr(backbones, name), "__name__", name) in (name, f"backbones.{name}")
