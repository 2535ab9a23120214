"""A stand-in for mmcv's compiled operations, with NMS from torchvision: SSD then needs no compiler.

`mmdet.models` imports `mmcv.ops`, which needs the compiled module `mmcv._ext`. `mmcv-lite` comes without; of the
compiled operations SSD calls one, NMS. Where a compiled mmcv is installed, it is used and nothing here is.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torchvision.ops import nms as torchvision_nms

from backbones.errors import InputError

_NAME = "mmcv._ext"


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int = 0) -> Tensor:
    """Indices of the boxes kept, `(K,)`, highest score first; mmcv's `nms`, with its argument names.

    Args:
        boxes: `(N, 4)` as x1, y1, x2, y2.
        scores: `(N,)`.
        iou_threshold: a box whose IoU with a kept one exceeds it is dropped.
        offset: 1 counts pixels, so that a box is `x2 - x1 + 1` wide; 0 is the ordinary width.
    """
    if offset:
        boxes = boxes + boxes.new_tensor([0, 0, offset, offset])
    return torchvision_nms(boxes, scores, iou_threshold)


class _StandIn(types.ModuleType):
    """A module that has every operation; all but `nms` raise when called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def missing(*args: Any, **kwargs: Any) -> Any:
            raise InputError(
                f"mmcv's operation {name!r} is compiled, and mmcv-lite comes without it; install mmcv in place of "
                "mmcv-lite (pip uninstall mmcv-lite; pip install 'mmcv>=2.0,<2.2')"
            )

        missing.__name__ = name
        return missing


def provide_mmcv_ext() -> bool:
    """Make `import mmcv._ext` work; return whether that took the stand-in.

    Call it before anything imports `mmcv.ops`.
    """
    if _NAME in sys.modules:
        return isinstance(sys.modules[_NAME], _StandIn)
    if importlib.util.find_spec(_NAME) is not None:
        return False
    module = _StandIn(_NAME, __doc__)
    # mmcv asks `pkgutil.find_loader` whether its operations are there; a spec without a loader says no.
    module.__spec__ = importlib.machinery.ModuleSpec(_NAME, loader=None)
    vars(module)["nms"] = nms
    sys.modules[_NAME] = module
    return True
