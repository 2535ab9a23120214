"""torchreid's `ImageDataManager` over the listings of `bench.reid.data_sets`."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from backbones.errors import InputError
from bench.reid.listing import Listing
from bench.reid.schema import ReidConfig
from bench.reid.torchreid_compat import ImageDataManager, ImageDataset, build_transforms, register_image_dataset
from search.data.reader import read_picture


class ListedDataset(ImageDataset):
    """A torchreid data set of a listing's images."""

    def __init__(self, listing: Listing, **settings: Any) -> None:
        super().__init__(listing.train, listing.query, listing.gallery, **settings)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return one image as torchreid's own data set does, which retries a broken file for ever."""
        file, identity, camera, dataset = self.data[index]
        image = self._transform_image(self.transform, self.k_tfm, read_picture(file))
        return {"img": image, "pid": identity, "camid": camera, "impath": file, "dsetid": dataset}


def check_readable(files: Iterable[str]) -> None:
    """Read every image once, so that a damaged test image is found before hours of training.

    Raises:
        InputError: an image cannot be read.
    """
    with ThreadPoolExecutor() as pool:
        try:
            for _ in pool.map(_decode, files):
                pass
        except InputError:
            pool.shutdown(cancel_futures=True)
            raise


def _decode(file: str) -> None:
    # The image is not returned: a gallery does not fit into memory.
    read_picture(file)


#: The current listing of each registered data set, since torchreid's registry allows no replacement.
_LISTINGS: dict[str, Listing] = {}


@functools.cache
def _register(dataset: str) -> str:
    name = f"wildnas-{dataset}"
    register_image_dataset(name, lambda root="", **settings: ListedDataset(_LISTINGS[name], **settings))
    return name


def build_datamanager(config: ReidConfig, listing: Listing) -> Any:
    """Build a protocol's `ImageDataManager`.

    With a triplet loss, `RandomIdentitySampler` draws the several images of an identity that a batch needs.
    """
    name = _register(config.dataset)
    _LISTINGS[name] = listing
    return ImageDataManager(
        sources=name,
        height=config.height,
        width=config.width,
        transforms=list(config.transforms),
        norm_mean=list(config.normalisation.mean),
        norm_std=list(config.normalisation.std),
        batch_size_train=config.batch_size,
        batch_size_test=config.test_batch_size,
        workers=config.workers,
        num_instances=config.instances,
        train_sampler="RandomSampler" if config.loss == "softmax" else "RandomIdentitySampler",
    )


def test_transform(config: ReidConfig) -> Any:
    """Build the transform of query and gallery images, the same as in `build_datamanager`."""
    normalisation = config.normalisation
    return build_transforms(
        config.height, config.width, norm_mean=list(normalisation.mean), norm_std=list(normalisation.std)
    )[1]
