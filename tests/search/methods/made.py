"""Small settings of every method's parts, for tests that hold for all of them."""

from __future__ import annotations

from typing import Any

#: `architecture` of a search config, besides its optimiser.
METHODS: dict[str, dict[str, Any]] = {
    "darts": {},
    "snas": {"relaxation": {"type": "concrete", "temperature": {"start": 1.0, "end": 0.3}}, "levels": 1},
    "gdas": {"relaxation": {"type": "gumbel", "temperature": {"start": 10.0, "end": 0.1}}},
    "drnas": {
        "relaxation": {"type": "dirichlet"},
        "penalties": [{"type": "anchor", "distance": "kl", "weight": 0.001}],
    },
    "fair_darts": {"relaxation": {"type": "sigmoid"}, "penalties": [{"type": "zero_one", "weight": 10}]},
    "darts_minus": {"auxiliary_skip": {}},
    "beta_darts": {"penalties": [{"type": "beta_decay", "weight": {"start": 0.0, "end": 50.0, "reached": False}}]},
    "sdarts": {"perturbation": {"type": "random", "epsilon": {"start": 0.03, "end": 0.3, "reached": False}}},
}
