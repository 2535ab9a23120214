"""The image reader of all tasks as a transform of MMDetection."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmdet.registry import TRANSFORMS

from backbones.errors import InputError
from search.data.reader import read_picture


# Registered under mmcv's own name, which the scope `mmdet` finds before mmcv's: configs and the keys of records do not
# change, and MMDetection's own tools read images in the same way if a config's `custom_imports` name
# `bench.detection.components`. `force`, since a second import under another name registers it again.
@TRANSFORMS.register_module(name="LoadImageFromFile", force=True)
class LoadPicture(LoadImageFromFile):
    """mmcv's `LoadImageFromFile`, reading by `search.data.reader` instead of OpenCV.

    Args:
        to_float32: whether `img` is float32.
        color_type: must be `color`.
        imdecode_backend, backend_args, file_client_args, ignore_empty: must have mmcv's defaults.

    Raises:
        InputError: an argument has another value.
    """

    def __init__(
        self,
        to_float32: bool = False,
        color_type: str = "color",
        imdecode_backend: str = "cv2",
        file_client_args: Any = None,
        ignore_empty: bool = False,
        *,
        backend_args: Any = None,
    ) -> None:
        others = {"file_client_args": file_client_args, "backend_args": backend_args, "ignore_empty": ignore_empty}
        for key, value in others.items():
            if value:
                raise InputError(f"LoadImageFromFile: {key}={value!r}: leave it out; only local files are read")
        if (color_type, imdecode_backend) != ("color", "cv2"):
            raise InputError(
                f"LoadImageFromFile: color_type={color_type!r}, imdecode_backend={imdecode_backend!r}: expected "
                "'color' and 'cv2', the layout of pixels that is read here"
            )
        super().__init__(to_float32=to_float32)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read `results["img_path"]` into `img`, uint8 `(H, W, 3)`, BGR.

        Raises:
            InputError: the image cannot be read.
        """
        image = np.ascontiguousarray(np.asarray(read_picture(results["img_path"]))[:, :, ::-1])
        results["img"] = image.astype(np.float32) if self.to_float32 else image
        results["img_shape"] = results["ori_shape"] = image.shape[:2]
        return results
