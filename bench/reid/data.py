"""torchreid's `ImageDataManager` over the listings of `bench.reid.layout`."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from PIL import Image

from backbones.errors import InputError
from bench.reid.layout import read_layout
from bench.reid.schema import ReidConfig
from bench.reid.torchreid_compat import ImageDataManager, ImageDataset, register_image_dataset


class ListedDataset(ImageDataset):
    """A torchreid data set whose images are those of a listing.

    Args:
        dataset: the name of the layout.
        root: the data root, as torchreid hands it on.
    """

    def __init__(self, dataset: str, root: str = "", **settings: Any) -> None:
        listing = read_layout(dataset, Path(root))
        super().__init__(listing.train, listing.query, listing.gallery, **settings)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One image as torchreid's own data set gives it, which however tries a broken file again for ever."""
        file, identity, camera, dataset = self.data[index]
        try:
            with Image.open(file) as opened:
                image = opened.convert("RGB")
        except (OSError, SyntaxError) as error:
            raise InputError(f"{file}: cannot be read as an image: {error}") from error
        image = self._transform_image(self.transform, self.k_tfm, image)
        return {"img": image, "pid": identity, "camid": camera, "impath": file, "dsetid": dataset}


@functools.cache
def _register(dataset: str) -> str:
    name = f"wildnas-{dataset}"
    register_image_dataset(name, functools.partial(ListedDataset, dataset))
    return name


def build_datamanager(config: ReidConfig) -> Any:
    """The `ImageDataManager` of a protocol; it normalises by ImageNet's means, as the backbones' pretraining does."""
    return ImageDataManager(
        root=config.data_root,
        sources=_register(config.dataset),
        height=config.height,
        width=config.width,
        transforms=list(config.transforms),
        batch_size_train=config.batch_size,
        batch_size_test=config.test_batch_size,
        workers=config.workers,
    )
