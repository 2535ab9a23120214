"""The one reader of pictures, as the transform that MMDetection's pipelines begin with."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmdet.registry import TRANSFORMS

from backbones.errors import InputError
from search.data.reader import read_picture


# Under mmcv's own name, found before mmcv's in the scope `mmdet`: the configs, and with them the keys of all records,
# stay what they are, and MMDetection's own tools read alike as soon as a config's `custom_imports` name
# `bench.detection.components`. `force`: a second import, under another name, finds the registry as the first left it.
@TRANSFORMS.register_module(name="LoadImageFromFile", force=True)
class LoadPicture(LoadImageFromFile):
    """mmcv's `LoadImageFromFile`, reading as `search.data.reader` does in place of OpenCV.

    Args:
        to_float32: whether `img` is float32.
        color_type: `color` only.
        imdecode_backend, backend_args, file_client_args, ignore_empty: of mmcv's; only its defaults can be had.

    Raises:
        InputError: another value.
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
                raise InputError(f"LoadImageFromFile: {key}={value!r}: only files on this machine are read, and all")
        if (color_type, imdecode_backend) != ("color", "cv2"):
            raise InputError(
                f"LoadImageFromFile: color_type={color_type!r}, imdecode_backend={imdecode_backend!r}: expected "
                "'color' and 'cv2', in whose layout the one reader of all tasks gives its pixels"
            )
        super().__init__(to_float32=to_float32)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read `results["img_path"]` into `img`, uint8 `(H, W, 3)`, BGR.

        Raises:
            InputError: it cannot be read; names it.
        """
        image = np.ascontiguousarray(np.asarray(read_picture(results["img_path"]))[:, :, ::-1])
        results["img"] = image.astype(np.float32) if self.to_float32 else image
        results["img_shape"] = results["ori_shape"] = image.shape[:2]
        return results
