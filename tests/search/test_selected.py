"""What `derive` makes of weights that are no softmax, of a threshold, and of a selected genotype."""

from __future__ import annotations

from typing import Any

import pytest

from backbones.errors import InputError
from backbones.genotype import Genotype
from search.derive import Architecture, derive

NAMES = ["none", "skip_connect", "sep_conv_3x3"]


def architecture(**changes: Any) -> Architecture:
    """Two nodes; on every edge `none` has the largest weight."""
    weights = [
        *([0.99, 0.1, 0.6], [0.99, 0.95, 0.2]),
        *([0.99, 0.3, 0.2], [0.99, 0.1, 0.9], [0.99, 0.7, 0.86]),
    ]
    values: dict[str, Any] = {
        "alpha_normal": [[0.0] * 3] * 5,
        "alpha_reduce": [[0.0] * 3] * 5,
        "operations_normal": [NAMES] * 5,
        "operations_reduce": [NAMES] * 5,
        "nodes": 2,
        "rule": "darts",
        "weights_normal": weights,
        "weights_reduce": [[0.1, 0.2, 0.3]] * 5,
    }
    return Architecture.model_validate({**values, **changes})


def test_given_weights_decide_in_the_place_of_alpha() -> None:
    genotype = derive(architecture())
    assert genotype.normal == (("sep_conv_3x3", 0), ("skip_connect", 1), ("sep_conv_3x3", 1), ("sep_conv_3x3", 2))
    # Ties go to the edges from the earlier nodes.
    assert genotype.reduce == (("sep_conv_3x3", 0), ("sep_conv_3x3", 1)) * 2


def test_an_edge_below_the_threshold_is_none_unless_it_is_the_node_s_best() -> None:
    """FairDARTS; 0.86 and 0.9 exceed 0.85, 0.6 does not, and in the reduction cell nothing does."""
    genotype = derive(architecture(threshold=0.85))
    assert genotype.normal == (("none", 0), ("skip_connect", 1), ("sep_conv_3x3", 1), ("sep_conv_3x3", 2))
    assert genotype.reduce == (("sep_conv_3x3", 0), ("none", 1)) * 2
    assert derive(architecture(threshold=0.86)).normal[3] == ("none", 2)
    # A restriction of skip connections is made first.
    assert derive(architecture(threshold=0.85), max_skips=0).normal[:2] == (("sep_conv_3x3", 0), ("none", 1))


def test_a_selected_genotype_is_taken_as_it_is() -> None:
    cell = (("skip_connect", 0), ("sep_conv_3x3", 1), ("skip_connect", 0), ("sep_conv_3x3", 2))
    selected = Genotype(cell, (2, 3), cell, (2, 3))
    found = architecture(selected=selected.to_json())
    assert derive(found) == derive(found, 2) == selected
    with pytest.raises(InputError, match="max_skips=1: the genotype has 2 and was not selected by its weights"):
        derive(found, 1)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="weights_normal: expected as many values as alpha_normal"):
        architecture(weights_normal=[[0.1, 0.2]] * 5)
    with pytest.raises(ValueError, match="selected: key 'normal' is missing"):
        architecture(selected={"normal_concat": [2], "reduce": [], "reduce_concat": []})


def test_the_defaults_are_in_no_file() -> None:
    content = architecture(weights_normal=None, weights_reduce=None).model_dump_json()
    assert not any(key in content for key in ("weights_", "threshold", "selected"))
