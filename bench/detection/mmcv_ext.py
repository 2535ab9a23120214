"""A stand-in for mmcv's compiled operations, for SSD and RetinaNet without a compiler.

`mmdet.models` imports `mmcv.ops`, which needs the compiled module `mmcv._ext`; `mmcv-lite` does not have it. SSD calls
one compiled operation, NMS, which torchvision has. RetinaNet on a GPU also calls the focal loss, which is written in
torch here. A compiled mmcv is used where it is installed.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import nms as torchvision_nms
from torchvision.ops import sigmoid_focal_loss

from backbones.errors import InputError

_NAME = "mmcv._ext"

_INSTALL = "install mmcv in place of mmcv-lite (pip uninstall mmcv-lite; pip install 'mmcv>=2.0,<2.2')"


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int = 0) -> Tensor:
    """Return the indices of the kept boxes, `(K,)`, highest score first; mmcv's `nms`, with its argument names.

    Args:
        boxes: `(N, 4)` as x1, y1, x2, y2.
        scores: `(N,)`.
        iou_threshold: a box whose IoU with a kept one exceeds it is dropped.
        offset: 1 makes a box `x2 - x1 + 1` wide, 0 `x2 - x1`.
    """
    if offset:
        boxes = boxes + boxes.new_tensor([0, 0, offset, offset])
    return torchvision_nms(boxes, scores, iou_threshold)


def sigmoid_focal_loss_forward(
    logits: Tensor, labels: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Write the focal loss of each logit (Lin et al. 2017, equation 5); mmcv's operation, with its argument order.

    Args:
        logits: `(N, C)`.
        labels: `(N,)` in 0 … C; C is background.
        weight: empty; class weights are not supported.
        output: `(N, C)`, which is written to.

    Raises:
        InputError: weights are given.
    """
    output.copy_(_focal_loss(logits, labels, weight, gamma, alpha))


def sigmoid_focal_loss_backward(
    logits: Tensor, labels: Tensor, weight: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Write the derivative of each logit's focal loss by the logit to `grad_input` `(N, C)`."""
    with torch.enable_grad():
        leaf = logits.detach().requires_grad_()
        loss = _focal_loss(leaf, labels, weight, gamma, alpha).sum()
    grad_input.copy_(torch.autograd.grad(loss, leaf)[0])


def _focal_loss(logits: Tensor, labels: Tensor, weight: Tensor, gamma: float, alpha: float) -> Tensor:
    is_label = F.one_hot(labels, logits.shape[1] + 1)[:, :-1].to(logits.dtype)
    loss = sigmoid_focal_loss(logits, is_label, alpha=alpha, gamma=gamma, reduction="none")
    if weight.numel():
        # MMDetection passes none.
        raise InputError(f"mmcv's operation 'sigmoid_focal_loss' with class weights is compiled; {_INSTALL}")
    return loss


class _StandIn(types.ModuleType):
    """A module with a function for every operation; those not defined above raise when called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def missing(*args: Any, **kwargs: Any) -> Any:
            raise InputError(f"mmcv's operation {name!r} is compiled, and mmcv-lite does not have it; {_INSTALL}")

        missing.__name__ = name
        return missing


def provide_mmcv_ext() -> bool:
    """Make `import mmcv._ext` work, and return whether the stand-in is used.

    Call it before anything imports `mmcv.ops`.

    Raises:
        InputError: a compiled mmcv is installed but cannot be loaded, for example one built for another torch.
    """
    if _NAME in sys.modules:
        return isinstance(sys.modules[_NAME], _StandIn)
    if importlib.util.find_spec(_NAME) is not None:
        try:
            importlib.import_module(_NAME)
        except ImportError as error:
            raise InputError(
                f"mmcv's compiled operations cannot be loaded ({error}); they must be built for the installed torch; "
                "without a compiler: pip uninstall mmcv, then pip install --force-reinstall mmcv-lite"
            ) from error
        return False
    module = _StandIn(_NAME, __doc__)
    # mmcv calls `pkgutil.find_loader` to look for its operations; a spec without a loader means there are none.
    module.__spec__ = importlib.machinery.ModuleSpec(_NAME, loader=None)
    for operation in (nms, sigmoid_focal_loss_forward, sigmoid_focal_loss_backward):
        vars(module)[operation.__name__] = operation
    sys.modules[_NAME] = module
    return True
