"""SSD as a module from images to boxes, with tensors only, as exporters need it.

Decoding, thresholds and NMS are MMDetection's (`BaseDenseHead.predict_by_feat`, `multiclass` NMS by an offset for each
class), so that the boxes are those of `wildnas detect`.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.ops import nms

from backbones.errors import InputError

#: Two boxes of one pixel, far from any picture and from each other.
_BEYOND = [[-1e6, -1e6, -1e6 + 1, -1e6 + 1], [-2e6, -2e6, -2e6 + 1, -2e6 + 1]]


class RawSsd(nn.Module):
    """All boxes of an SSD: images `(N, 3, S, S)` to boxes `(N, A, 4)` and scores `(N, A, C)`.

    Boxes are x1, y1, x2, y2 in pixels of the input, scores are from 0 to 1; A is the number of anchors, C of classes.
    """

    priors: Tensor

    def __init__(self, detector: Any) -> None:
        super().__init__()
        self.backbone, self.neck, self.head = detector.backbone, detector.neck, detector.bbox_head
        self.size = detector.pyramid.input_size
        maps = [(size, size) for size in detector.pyramid.sizes]
        levels = self.head.prior_generator.grid_priors(maps, device="cpu")
        #: Number of anchors of each map.
        self.anchors = [len(level) for level in levels]
        self.register_buffer("priors", torch.cat(levels), persistent=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        scores, deltas = self.head(self.neck(self.backbone(images)))
        # The last class is background.
        scores = self._joined(scores, self.head.cls_out_channels).softmax(-1)[..., :-1]
        return self._decoded(self._joined(deltas, 4)), scores

    @staticmethod
    def _joined(maps: list[Tensor], width: int) -> Tensor:
        """Maps `(N, A * width, H, W)` as `(N, all anchors, width)`."""
        return torch.cat([each.permute(0, 2, 3, 1).reshape(each.shape[0], -1, width) for each in maps], dim=1)

    def _decoded(self, deltas: Tensor) -> Tensor:
        """Boxes from their offsets to the anchors (SSD, equation 2), clipped at the image's border."""
        coder = self.head.bbox_coder
        deltas = deltas * deltas.new_tensor(coder.stds) + deltas.new_tensor(coder.means)
        sides = self.priors[:, 2:] - self.priors[:, :2]
        centres = self.priors[:, :2] + 0.5 * sides + sides * deltas[..., :2]
        # MMDetection's bound on the change of a side.
        most = abs(math.log(16 / 1000))
        halves = 0.5 * sides * deltas[..., 2:].clamp(-most, most).exp()
        boxes = torch.cat([centres - halves, centres + halves], dim=-1)
        return boxes.clamp(0, self.size) if coder.clip_border else boxes


class SsdWithNms(nn.Module):
    """The detections of an SSD in one image: `(1, 3, S, S)` to boxes `(K, 4)`, scores `(K,)`, labels `(K,)`.

    The highest score comes first; K is at most `max_per_img` of the detector's `test_cfg`.
    """

    def __init__(self, raw: RawSsd, settings: Any) -> None:
        super().__init__()
        suppression = settings.get("nms") or {}
        if suppression.get("type", "nms") != "nms" or suppression.get("class_agnostic", False):
            raise InputError(f"NMS of type {dict(suppression)} has no export; --raw leaves it out")
        self.raw = raw
        self.overlap = float(suppression.get("iou_threshold", 0.5))
        self.threshold = float(settings.get("score_thr", 0.0))
        self.candidates = int(settings.get("nms_pre", -1))
        self.smallest = float(settings.get("min_bbox_size", -1))
        self.most = int(settings.get("max_per_img", -1))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        all_boxes, all_scores = self.raw(images)
        boxes, scores, labels = [], [], []
        parts = (each.split(self.raw.anchors, dim=1) for each in (all_boxes, all_scores))
        for of_boxes, of_scores in zip(*parts, strict=True):
            classes, flat = of_scores.shape[2], of_scores[0].flatten()
            count = flat.shape[0] if self.candidates < 0 else min(self.candidates, flat.shape[0])
            best, places = flat.topk(count)
            boxes.append(of_boxes[0][places // classes])
            scores.append(best)
            labels.append(places % classes)
        every, score, label = torch.cat(boxes), torch.cat(scores), torch.cat(labels)
        good = score > self.threshold
        if self.smallest >= 0:
            good = good & ((every[:, 2:] - every[:, :2]) > self.smallest).all(dim=1)
        kept = good.nonzero().flatten()
        every, score, label = every[kept], score[kept], label[kept]
        # Boxes of different classes do not meet: each class has its own part of the plane.
        apart = every + (label * (self.raw.size + 1)).to(every.dtype)[:, None]
        # torch.export takes it that NMS keeps two boxes or more: two that meet no other come last, and are cut off.
        beyond = apart.new_tensor(_BEYOND)
        chosen = nms(torch.cat([apart, beyond]), torch.cat([score, score.new_full((2,), -1.0)]), self.overlap)[:-2]
        chosen = chosen if self.most < 0 else chosen[: self.most]
        return every[chosen], score[chosen], label[chosen]
