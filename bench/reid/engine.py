"""torchreid's engine for PCB: its training and test loops, with PCB's loss, exact resume and a fast ranking."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from backbones.errors import InputError
from bench.reid.pcb import PCB
from bench.reid.ranking import Labels, Ranking, rank_features
from bench.reid.resume import ResumePoint
from bench.reid.schema import ReidConfig
from bench.reid.torchreid_compat import ImageSoftmaxEngine, build_lr_scheduler, build_optimizer
from search.progress import ProgressCallback
from search.training import seed_everything

#: The share of a job that is training; the rest is extracting features and ranking.
_TRAINING_SHARE = 0.95


class PcbEngine(ImageSoftmaxEngine):
    """An `ImageSoftmaxEngine` whose loss is the sum of the parts' cross-entropies (Sun et al. 2018, section 3.1).

    Every epoch is seeded by (seed, epoch) and ends with a checkpoint, so a resumed training is that of an uninterrupted
    one, bit for bit on a CPU.

    Attributes:
        ranking: the scores of the last test.
    """

    ranking: Ranking | None = None

    def __init__(
        self,
        datamanager: Any,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        scheduler: Any | None,
        label_smooth: bool,
        seed: int = 0,
        resume: ResumePoint | None = None,
        progress: ProgressCallback = lambda fraction, doing: None,
    ) -> None:
        super().__init__(datamanager, model, optimiser, scheduler, label_smooth=label_smooth)
        # The same loss as torchreid's `CrossEntropyLoss`, which builds its targets on the CPU at every step.
        self.criterion = nn.CrossEntropyLoss(label_smoothing=0.1 if label_smooth else 0.0)
        self.seed = seed
        self.resume = resume
        self.progress = progress

    def fit(self, epochs: int, save_dir: Path) -> Ranking:
        """Train the epochs that are still to do, test, and return the scores."""
        done = self.resume.restore(self.model, self.optimizer, self.scheduler) if self.resume else 0
        try:
            self.run(save_dir=str(save_dir), max_epoch=epochs, start_epoch=done, print_freq=10)
        except InputError as error:
            # A data-loading process hands on its whole traceback as the message.
            raise InputError(str(error).strip().splitlines()[-1].split("InputError: ")[-1]) from error
        finally:
            if self.writer is not None:
                self.writer.close()
        assert self.ranking is not None
        return self.ranking

    def train(self, **settings: Any) -> None:
        """One epoch of torchreid's loop."""
        seed_everything(self.seed, self.epoch)
        super().train(**settings)
        if self.resume:
            self.resume.write(self.epoch + 1, self.model, self.optimizer, self.scheduler)

    def forward_backward(self, data: Mapping[str, Any]) -> dict[str, float]:
        summary = super().forward_backward(data)
        if not math.isfinite(summary["loss"]):
            raise FloatingPointError(
                f"the loss is {summary['loss']} at epoch {self.epoch + 1}; try a lower learning rate"
            )
        done = self.epoch + (self.batch_idx + 1) / self.num_batches
        self.progress(_TRAINING_SHARE * done / self.max_epoch, f"epoch {self.epoch + 1} of {self.max_epoch}")
        return summary

    def compute_loss(self, criterion: nn.Module, outputs: Sequence[Tensor], targets: Tensor) -> Tensor:
        # torchreid's own takes the mean over the parts.
        return torch.stack([criterion(logits, targets) for logits in outputs]).sum()

    def save_model(self, *arguments: Any, **settings: Any) -> None:
        """Nothing: `train` has saved the epoch."""

    @torch.no_grad()
    def _evaluate(
        self, dataset_name: str = "", query_loader: Any = None, gallery_loader: Any = None, **settings: Any
    ) -> tuple[float, float]:
        """Rank by `bench.reid.ranking` in place of torchreid's loop; called by its `test`."""
        query_features, query = self._extract(query_loader, "queries", 0.0)
        gallery_features, gallery = self._extract(gallery_loader, "gallery", 0.5)
        self.progress(1.0, "ranking")
        self.ranking = rank_features(query_features, gallery_features, query, gallery)
        print(f"** {dataset_name} ** {self.ranking}")
        return self.ranking.cmc[1], self.ranking.mean_average_precision

    def _extract(self, loader: Any, what: str, start: float) -> tuple[Tensor, Labels]:
        features, identities, cameras = [], [], []
        for number, data in enumerate(loader, start=1):
            images, pids, camids = self.parse_data_for_eval(data)
            features.append(self.extract_features(images.cuda() if self.use_gpu else images))
            identities.append(pids)
            cameras.append(camids)
            done = start + number / len(loader) / 2
            self.progress(_TRAINING_SHARE + (1 - _TRAINING_SHARE) * done, f"extracting features: {what}")
        # All of MSMT17's gallery takes 1.5 GB at 4,608 numbers an image: it is ranked where the network is.
        device = features[0].device
        return torch.cat(features), Labels(torch.cat(identities).to(device), torch.cat(cameras).to(device))


def build_optimisation(pcb: PCB, config: ReidConfig, pretrained: bool) -> tuple[torch.optim.Optimizer, Any | None]:
    """torchreid's optimiser and schedule; the backbone learns more slowly if it is pretrained."""
    optimiser = build_optimizer(
        pcb,
        optim=config.optimiser,
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        momentum=config.momentum,
        sgd_nesterov=config.nesterov,
        staged_lr=True,
        new_layers=[name for name, _ in pcb.named_children() if name != "backbone"],
        base_lr_mult=config.backbone_learning_rate_factor if pretrained else 1.0,
    )
    if config.schedule == "constant":
        return optimiser, None
    scheduler = build_lr_scheduler(
        optimiser,
        lr_scheduler=config.schedule,
        stepsize=list(config.milestones),
        gamma=config.gamma,
        max_epoch=config.epochs,
    )
    return optimiser, scheduler
