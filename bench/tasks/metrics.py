"""Metrics of each task, in the order of the table's columns; apart from the tasks, so that tables import no library."""

from __future__ import annotations

from bench.tasks.contract import Metric

#: Tasks that evaluate an architecture; listed here, because asking each task would import its libraries.
EVALUATED = ("classification", "detection", "reid", "zerocost")

METRICS: dict[str, tuple[Metric, ...]] = {
    "search": (
        Metric("supernet_accuracy", "Supernet acc.", "%", higher_is_better=True),
        Metric("skip_count", "Skips", "edges", higher_is_better=False),
        Metric("search_cost", "Search cost", "device-days", higher_is_better=False),
    ),
    "classification": (
        Metric("top1_error", "Top-1 err.", "%", higher_is_better=False),
        Metric("top5_error", "Top-5 err.", "%", higher_is_better=False),
        # Chooses one of several architectures (PC-DARTS Table 1, footnote ‡).
        Metric("validation_error", "Val. err.", "%", higher_is_better=False, shown="present"),
        # The errors above are the last epoch's. The best epoch's error is optimistic: the epoch is chosen on the same
        # images.
        Metric("best_top1_error", "Best epoch's top-1 err.", "%", higher_is_better=False, shown="never"),
        Metric("best_top5_error", "Best epoch's top-5 err.", "%", higher_is_better=False, shown="never"),
        Metric("best_epoch", "Best epoch", "epoch", higher_is_better=False, shown="never"),
    ),
    # PC-DARTS Table 5, P-DARTS Table 4.
    "detection": (
        Metric("ap", "AP", "%", higher_is_better=True),
        Metric("ap50", "AP50", "%", higher_is_better=True),
        Metric("ap75", "AP75", "%", higher_is_better=True),
        Metric("aps", "APS", "%", higher_is_better=True),
        Metric("apm", "APM", "%", higher_is_better=True),
        Metric("apl", "APL", "%", higher_is_better=True),
    ),
    # P-DARTS Table 5 has rank-1 and mAP; torchreid reports the other ranks as well.
    "reid": (
        Metric("rank1", "Rank-1", "%", higher_is_better=True),
        Metric("rank5", "Rank-5", "%", higher_is_better=True),
        Metric("rank10", "Rank-10", "%", higher_is_better=True),
        Metric("rank20", "Rank-20", "%", higher_is_better=True),
        Metric("map", "mAP", "%", higher_is_better=True),
    ),
    # At initialisation. Parameters and multiply-adds are columns of every table.
    "zerocost": (
        Metric("params", "Parameters", "M", higher_is_better=True, shown="never"),
        Metric("multiply_adds", "Multiply-adds", "M", higher_is_better=True, shown="never"),
        Metric("depth", "Depth", "layers", higher_is_better=True),
        Metric("skip_count", "Skips", "edges", higher_is_better=False),
        Metric("grad_norm", "Grad norm", "", higher_is_better=True),
        Metric("snip", "SNIP", "", higher_is_better=True),
        Metric("grasp", "GraSP", "", higher_is_better=True),
        Metric("fisher", "Fisher", "", higher_is_better=True),
        Metric("synflow", "SynFlow", "", higher_is_better=True),
        Metric("jacob_cov", "Jacobian cov.", "", higher_is_better=True),
        Metric("naswot", "NASWOT", "", higher_is_better=True),
        Metric("zen", "Zen", "", higher_is_better=True),
    ),
    # Of a whole network: for one image, and in batches.
    "latency": (
        Metric("latency", "Latency", "ms", higher_is_better=False),
        Metric("latency_p10", "10 % quantile", "ms", higher_is_better=False),
        Metric("latency_p90", "90 % quantile", "ms", higher_is_better=False),
        Metric("throughput", "Throughput", "images/s", higher_is_better=True),
    ),
}

#: The main metric of each task whose networks are trained.
JUDGED = {"classification": "top1_error", "detection": "ap", "reid": "rank1"}

#: The method of random architectures, as a record names it.
RANDOM = "random"

TITLES = {
    "search": "Search",
    "classification": "Classification",
    "detection": "Detection (SSD)",
    "reid": "Re-identification (PCB)",
    "zerocost": "Zero-cost scores",
    "latency": "Latency",
}
