"""Schema of the image data of a search or a training."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, model_validator

from search.configs import Schema

Positive = Annotated[float, Field(gt=0)]


class Augmentation(Schema):
    """Augmentation of training images, in batches on the device; 0 and False are off."""

    crop_padding: int = Field(default=0, ge=0)
    flip: bool = False
    cutout: int = Field(default=0, ge=0)


class Preparation(Schema):
    """Preparation of images for a network: read at one size, augmented in training, normalised."""

    image_size: int = Field(ge=8)
    mean: tuple[float, float, float]
    std: tuple[Positive, Positive, Positive]
    augmentation: Augmentation = Augmentation()


class Decoding(Schema):
    """Decoding by data-loader workers, for images that do not fit in memory.

    Both papers are silent on it in search, and follow DARTS in evaluation (PC-DARTS 4.3; P-DARTS 5.3.2). The defaults
    are those of DARTS' ImageNet training (its `train_imagenet.py`): a random resized crop of 8 to 100 % of the area
    (torchvision's default, after Szegedy et al. 2015), and colour jitter of 0.4, 0.4, 0.4 and 0.2. Its flip is
    `augmentation.flip` here.
    """

    #: Number of processes; it does not change the result.
    workers: int = Field(default=4, ge=1, exclude=True)
    #: The least and the largest share of an image's area in a random crop, before resizing.
    crop_scale: tuple[float, float] = (0.08, 1.0)
    #: Strength of the random changes to brightness, contrast, saturation and hue; None leaves colours as they are.
    colour_jitter: tuple[float, float, float, float] | None = (0.4, 0.4, 0.4, 0.2)

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Decoding:
        low, high = self.crop_scale
        if not 0 < low <= high <= 1:
            raise ValueError(f"crop_scale={self.crop_scale}: expected 0 < least <= most <= 1")
        jitter = self.colour_jitter or (0.0,) * 4
        if min(jitter) < 0 or max(jitter[:3]) > 1 or jitter[3] > 0.5:
            raise ValueError(f"colour_jitter={self.colour_jitter}: expected 0 to 1, for the hue 0 to 0.5")
        return self


class StoredImages(Preparation):
    """Location of labelled images, and whether they are held in memory.

    A dump leaves out `download` and `decoding.workers`, which do not change the result.
    """

    #: `folder`: <class>/<image> in a folder or a zip file; the others: torchvision's layout.
    kind: Literal["folder", "cifar10", "cifar100"] = "folder"
    #: Whether torchvision may download CIFAR if it is missing.
    download: bool = Field(default=False, exclude=True)
    #: Whether all images are held in the device's memory at `image_size`; if not, workers decode them for each batch.
    memory: bool = True
    decoding: Decoding = Decoding()

    @model_validator(mode="after")
    def _can_be_read(self) -> StoredImages:
        if self.download and self.kind == "folder":
            raise ValueError("download is for kind 'cifar10' or 'cifar100'; an image folder cannot be downloaded")
        if self.memory and self.decoding != Decoding():
            raise ValueError("decoding is for images that are not held in memory: memory=False")
        if not self.memory and self.augmentation.crop_padding:
            raise ValueError("augmentation.crop_padding is for memory=True; workers crop by decoding.crop_scale")
        return self


class Proxy(StoredImages):
    """The images of a search, and their split into a part for the weights and a part for α and β."""

    #: The image folder, the zip file, or the folder that holds torchvision's.
    root: str
    #: The number of classes to draw by seed (P-DARTS 5.3: 100 of ImageNet's); None takes all.
    classes: int | None = Field(default=None, ge=2)
    #: Shares of every class for the weights and for α and β (PC-DARTS 4.3: 0.1, 0.025); None takes equal halves of all
    #: images (PC-DARTS 4.2; P-DARTS 5.1).
    fractions: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _fractions_fit(self) -> Proxy:
        if self.fractions is not None:
            # As decimals, so that 0.7 + 0.3 is 1.
            shares = [Fraction(str(share)) for share in self.fractions]
            if min(shares) <= 0 or sum(shares) > 1:
                raise ValueError(f"fractions={self.fractions}: expected two above 0 whose sum is at most 1")
        return self
