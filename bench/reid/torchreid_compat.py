"""Import torchreid from either of its layouts; no other module imports it.

PyPI's torchreid 0.2.5 is a third-party repack: its modules are `torchreid.reid.data`, `torchreid.reid.engine`, …;
upstream (KaiyangZhou/deep-person-reid 1.4.0, from git only) has the same names without `.reid`: `torchreid.data`, ….
"""

from __future__ import annotations

import importlib
import warnings
from types import ModuleType

from backbones.errors import InputError


def import_torchreid(part: str) -> ModuleType:
    """Import a module of torchreid by its upstream name without the package: `data`, `engine`, `optim`, ….

    Raises:
        InputError: torchreid or a package that it needs but does not declare (gdown, tensorboard, …) is missing.
    """
    names = (f"torchreid.reid.{part}", f"torchreid.{part}")
    for name in names:
        try:
            with warnings.catch_warnings():
                # torchreid warns about its missing Cython ranking, which `bench.reid.ranking` replaces.
                warnings.simplefilter("ignore")
                return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise InputError(
                    f"torchreid needs the package {error.name!r}, which is not installed: pip install {error.name}"
                ) from error
    raise InputError(f"re-identification needs torchreid ({' or '.join(names)}): pip install torchreid==0.2.5")


data = import_torchreid("data")
engine = import_torchreid("engine")
losses = import_torchreid("losses")
metrics = import_torchreid("metrics")
optim = import_torchreid("optim")
transforms = import_torchreid("data.transforms")

ImageDataManager = data.ImageDataManager
ImageDataset = data.ImageDataset
register_image_dataset = data.register_image_dataset
Engine = engine.Engine
TripletLoss = losses.TripletLoss
accuracy = metrics.accuracy
build_transforms = transforms.build_transforms
build_optimizer = optim.build_optimizer
build_lr_scheduler = optim.build_lr_scheduler
