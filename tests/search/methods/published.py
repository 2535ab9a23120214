"""What each method's config should say: numbers of the authors' code, which the config names; none from a config."""

from __future__ import annotations

from typing import Any

#: DARTS, with the last learning rate of its code, which the others' codes keep.
DARTS: dict[str, Any] = {
    "stages": [(50, 0, 8, 16)],
    "batch_size": 64,
    "weights": (0.025, 0.001, 3e-4),
    "architecture": (3e-4, (0.5, 0.999), 1e-3),
    "rule": "darts",
}

SEVEN = 7

#: By config: stages (epochs, frozen epochs, cells, channels), batch, SGD (first and last rate, weight decay), Adam
#: (rate, betas, weight decay), rule, and the number of candidates.
OTHERS: dict[str, dict[str, Any]] = {
    "snas_cifar10": {**DARTS, "stages": [(150, 0, 8, 16)]},
    "gdas_cifar10": {**DARTS, "stages": [(250, 0, 8, 16)], "batch_size": 256, "weights": (0.025, 0.001, 5e-4)},
    "drnas_cifar10": {
        **DARTS,
        "stages": [(25, 10, 20, 36), (25, 10, 20, 36)],
        "weights": (0.1, 0.0, 3e-4),
        "architecture": (6e-4, (0.5, 0.999), 0.0),
        "candidates": SEVEN,
    },
    "fair_darts_cifar10": {
        **DARTS,
        "batch_size": 128,
        "weights": (0.005, 0.001, 3e-4),
        "architecture": (3e-3, (0.9, 0.999), 1e-3),
        "candidates": SEVEN,
    },
    "darts_minus_cifar10": DARTS,
    "beta_darts_cifar10": DARTS,
    "sdarts_cifar10": DARTS,
    "robust_darts_cifar10": DARTS,
    "robust_darts_s1_cifar10": {**DARTS, "candidates": 2},
    "robust_darts_s2_cifar10": {**DARTS, "candidates": 2},
    "robust_darts_s3_cifar10": {**DARTS, "candidates": 3},
    "robust_darts_s4_cifar10": {**DARTS, "candidates": 2},
    "darts_plus_cifar10": {**DARTS, "weights": (0.025, 0.0, 3e-4)},
    "darts_pt_cifar10": DARTS,
    # PC-DARTS 4.2 and P-DARTS 5.1.1.
    "pc_drnas_cifar10": {
        **DARTS,
        "stages": [(50, 15, 8, 16)],
        "batch_size": 256,
        "weights": (0.1, 0.0, 3e-4),
        "architecture": (6e-4, (0.5, 0.999), 0.0),
        "rule": "pc-darts",
    },
    "p_beta_darts_cifar10": {
        **DARTS,
        "stages": [(25, 10, 5, 16), (25, 10, 11, 16), (25, 10, 17, 16)],
        "batch_size": 96,
        "weights": (0.025, 0.0, 3e-4),
        "architecture": (6e-4, (0.5, 0.999), 1e-3),
        "rule": "p-darts",
    },
    "random_cifar10": {},
    "evolution_cifar10": {},
}
