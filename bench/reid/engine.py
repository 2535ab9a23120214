"""torchreid's engine for PCB: its training and test loops, with PCB's loss, exact resume and a fast ranking.

One job runs in one process on one GPU. torchreid's `Engine` does not support several processes: its loaders use their
own samplers, every process would write and rank by itself, and its `nn.DataParallel` is slower than one GPU. PCB also
needs little: with batches of 64, eight processes would take BatchNorm statistics over 8 images each. To use several
GPUs, start one command for each with `CUDA_VISIBLE_DEVICES`; P-DARTS Table 5 alone has 36 jobs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from bench.reid.pcb import Parts
from bench.reid.ranking import Labels, Ranking, rank_blocks
from bench.reid.reranking import protocol_distances
from bench.reid.resume import ResumePoint
from bench.reid.schema import ReidConfig
from bench.reid.torchreid_compat import Engine, TripletLoss, accuracy, build_lr_scheduler, build_optimizer
from search.data.reader import plain_worker_errors
from search.training.hooks import check_finite
from search.training.progress import ProgressCallback
from search.training.seeds import seed_everything
from search.training.trackers import TrackedWriter

#: The share of a job's progress that is training; the rest is extracting features and ranking.
_TRAINING_SHARE = 0.95


class PcbEngine(Engine):
    """torchreid's engine with `PcbLoss`, optional bf16, and `bench.reid.ranking`.

    Every epoch is seeded by (seed, epoch) and ends with a checkpoint, so a resumed training equals an uninterrupted
    one, on a CPU bit for bit. torchreid writes losses, learning rate and scores for TensorBoard into the work folder.

    Attributes:
        ranking: the scores of the last test.
    """

    ranking: Ranking | None = None

    def __init__(
        self,
        datamanager: Any,
        model: nn.Module,
        config: ReidConfig,
        pretrained: bool = False,
        seed: int = 0,
        resume: ResumePoint | None = None,
        progress: ProgressCallback = lambda fraction, doing: None,
    ) -> None:
        super().__init__(datamanager)
        self.config = config
        self.model = model
        self.optimizer, self.scheduler = build_optimisation(model, config, pretrained)
        self.register_model("model", model, self.optimizer, self.scheduler)
        self.loss = PcbLoss(config)
        self.device = torch.device("cuda" if self.use_gpu else "cpu")
        self.seed = seed
        self.resume = resume
        self.progress = progress
        self.max_epoch = config.epochs

    def fit(self, save_dir: Path) -> Ranking:
        """Train the remaining epochs, test, and return the scores."""
        epochs = self.config.epochs
        done = self.resume.restore(self.model, self.optimizer, self.scheduler, epochs) if self.resume else 0
        trackers = self.config.execution.trackers
        if trackers and epochs:
            config = self.config.model_dump()
            self.writer = TrackedWriter(SummaryWriter(log_dir=str(save_dir)), trackers, save_dir, config)
        try:
            with plain_worker_errors():
                if epochs:
                    self.run(save_dir=str(save_dir), max_epoch=epochs, start_epoch=done, print_freq=10)
                else:
                    # `run` tests only after training.
                    self.test()
        finally:
            if self.writer is not None:
                self.writer.close()
        check_finite(self.model, save_dir)
        assert self.ranking is not None
        return self.ranking

    def train(self, **settings: Any) -> None:
        """Train one epoch of torchreid's loop, and save it."""
        seed_everything(self.seed, self.epoch)
        super().train(**settings)
        if self.resume:
            self.resume.write(self.epoch + 1, self.model, self.optimizer, self.scheduler)

    def forward_backward(self, data: Mapping[str, Any]) -> dict[str, float]:
        """Train one step.

        Raises:
            FloatingPointError: the loss is not finite.
        """
        images, identities = (values.to(self.device) for values in self.parse_data_for_train(data))
        with self._autocast():
            parts = self.model(images)
        terms = self.loss(parts, identities)
        loss = torch.stack(list(terms.values())).sum()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        told = {"loss": loss, "acc": accuracy(parts.logits, identities)[0]}
        if len(terms) > 1:
            told |= {f"loss_{name}": term for name, term in terms.items()}
        # Read together, to wait for a GPU only once.
        values = torch.stack([value.detach().float().reshape(()) for value in told.values()]).tolist()
        summary = dict(zip(told, values, strict=True))
        if not math.isfinite(summary["loss"]):
            raise FloatingPointError(
                f"the loss is {summary['loss']} at epoch {self.epoch + 1}; try a lower learning rate"
            )
        done = self.epoch + (self.batch_idx + 1) / self.num_batches
        self.progress(_TRAINING_SHARE * done / self.max_epoch, f"epoch {self.epoch + 1} of {self.max_epoch}")
        return summary

    def extract_features(self, input: Tensor) -> Tensor:
        """Return features `(N, D)` of images `(N, 3, H, W)`, in fp32."""
        with self._autocast():
            features: Tensor = self.model(input.to(self.device))
        return features.float()

    def save_model(self, *arguments: Any, **settings: Any) -> None:
        """Do nothing, since `train` has saved the epoch."""

    @torch.no_grad()
    def _evaluate(
        self, dataset_name: str = "", query_loader: Any = None, gallery_loader: Any = None, **settings: Any
    ) -> tuple[float, float]:
        """Rank by `bench.reid.ranking` instead of torchreid's loop; `test` calls this."""
        query_features, query = self.extract(query_loader, "queries", 0.0)
        gallery_features, gallery = self.extract(gallery_loader, "gallery", 0.5)
        self.progress(1.0, "ranking")
        distances = protocol_distances(query_features, gallery_features, self.config)
        self.ranking = rank_blocks(distances, query, gallery)
        print(f"** {dataset_name} ** {self.ranking}")
        return self.ranking.cmc[1], self.ranking.mean_average_precision

    def extract(self, loader: Any, what: str, start: float) -> tuple[Tensor, Labels]:
        """Extract features `(N, D)` and labels of all images of a loader.

        Args:
            what, start: the images' name and the share of the extraction done before, for the progress.
        """
        features, identities, cameras = [], [], []
        trained = _TRAINING_SHARE if self.config.epochs else 0.0
        for number, data in enumerate(loader, start=1):
            images, pids, camids = self.parse_data_for_eval(data)
            features.append(self.extract_features(images))
            identities.append(pids)
            cameras.append(camids)
            done = start + number / len(loader) / 2
            self.progress(trained + (1 - trained) * done, f"extracting features: {what}")
        # Ranked on the network's device: MSMT17's gallery takes 1.5 GB at 4,608 numbers per image.
        return torch.cat(features), Labels(torch.cat(identities), torch.cat(cameras)).to(features[0].device)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bf16")


def build_optimisation(
    pcb: nn.Module, config: ReidConfig, pretrained: bool
) -> tuple[torch.optim.Optimizer, Any | None]:
    """Build torchreid's optimiser and schedule; a pretrained backbone gets a lower learning rate."""
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
    if config.schedule == "constant" or not config.epochs:
        return optimiser, None
    scheduler = build_lr_scheduler(
        optimiser,
        lr_scheduler=config.schedule,
        stepsize=list(config.milestones),
        gamma=config.gamma,
        max_epoch=config.epochs,
    )
    return optimiser, scheduler


class PcbLoss(nn.Module):
    """The sum of the parts' cross-entropies (Sun et al. 2018), and of their triplet losses if the protocol has any.

    torchreid's own engines take the mean over the parts instead. The triplet loss is torchreid's (hardest positive and
    negative of the batch, Hermans et al. 2017), on each part's vector before normalisation. The paper's PCB has none.
    """

    def __init__(self, config: ReidConfig) -> None:
        super().__init__()
        # Not torchreid's `CrossEntropyLoss`, which is the same loss but builds its targets on the CPU at every step.
        self.cross_entropy = nn.CrossEntropyLoss(label_smoothing=0.1 if config.label_smooth else 0.0)
        self.triplet = TripletLoss(config.margin) if config.loss == "softmax_triplet" else None
        self.triplet_weight = config.triplet_weight

    def forward(self, parts: Parts, identities: Tensor) -> dict[str, Tensor]:
        """Compute the terms of the loss by name, from PCB's training output and identities `(N,)`."""
        terms = {"softmax": self._sum(self.cross_entropy, parts.logits, identities)}
        if self.triplet is not None:
            terms["triplet"] = self.triplet_weight * self._sum(self.triplet, parts.vectors, identities)
        return terms

    @staticmethod
    def _sum(criterion: nn.Module, inputs: list[Tensor], identities: Tensor) -> Tensor:
        return torch.stack([criterion(values.float(), identities) for values in inputs]).sum()
