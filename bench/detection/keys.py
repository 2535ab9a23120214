"""Refuse unknown keys in the nested parts of a config: every `type` is looked up, and keys must be its arguments.

mmengine notices a wrong argument only when it builds the object, for a hook or a scheduler minutes into a job.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from mmdet import registry
from torch.utils.data import DataLoader

from backbones.errors import InputError
from search.configs import nearest

_REGISTRIES = [value for value in vars(registry).values() if isinstance(value, registry.Registry)]

#: Keys that mmengine removes before it builds the object.
_BESIDE = {
    "OptimWrapper": ("constructor", "paramwise_cfg"),
    "AmpOptimWrapper": ("constructor", "paramwise_cfg"),
    "EpochBasedTrainLoop": ("by_epoch",),
    "IterBasedTrainLoop": ("by_epoch",),
}
#: Keys that it removes from any hook (`priority`) and any parameter scheduler (`convert_to_iter_based`).
_BESIDE_ANY = ("type", "priority", "convert_to_iter_based", "_scope_")

#: Parts that are not checked: their `type` is not a registered class, or it is built with other arguments.
_OPAQUE = (
    "init_cfg",
    "norm_cfg",
    "conv_cfg",
    "act_cfg",
    "nms",
    "backend_args",
    "worker_init_fn",
    "collate_fn",
    "genotype",
)


def check_keys(value: Any, where: str) -> None:
    """Check every dict with a `type` below `value`.

    Raises:
        InputError: a `type` is not registered, or a key is not one of its arguments; the message names the nearest.
    """
    if isinstance(value, list):
        for index, item in enumerate(value):
            check_keys(item, f"{where}[{index}]")
    if not isinstance(value, Mapping):
        return
    name = value.get("type")
    if isinstance(name, str):
        known = _arguments(_find(name, where))
        if known is not None:
            known = {*known, *_BESIDE_ANY, *_BESIDE.get(name, ())}
            for key in value:
                if key not in known:
                    raise InputError(f"{where}: unknown key {key!r} of {name}; {nearest(key, sorted(known))}")
    for key, item in value.items():
        if key not in _OPAQUE:
            check_keys(item, f"{where}.{key}")


def check_loader_keys(loader: Mapping[str, Any], where: str) -> None:
    """Check the keys of a data loader, which has no `type`.

    Raises:
        InputError: a key is neither an argument of torch's `DataLoader` nor one that mmengine adds.
    """
    known = {*inspect.signature(DataLoader).parameters, "num_batch_per_epoch", "disable_subprocess_warning"}
    for key in loader:
        if key not in known and key != "_scope_":
            raise InputError(f"{where}: unknown key {key!r}; {nearest(key, sorted(known))}")


def _find(name: str, where: str) -> Callable[..., Any]:
    for part in _REGISTRIES:
        found: Callable[..., Any] | None = part.get(name)
        if found is not None:
            return found
    everywhere = [*_REGISTRIES, *(part.parent for part in _REGISTRIES if part.parent is not None)]
    names = sorted({entry for part in everywhere for entry in part.module_dict})
    hint = nearest(name, names)
    if not hint.startswith("did you mean"):
        # A list of hundreds of names would not help.
        hint = "is its module among custom_imports?"
    raise InputError(f"{where}.type: nothing is registered as {name!r}; {hint}")


def _arguments(builder: Callable[..., Any]) -> set[str] | None:
    """List all keyword arguments of a class, with those that it passes on to its bases; None where any is allowed."""
    if not inspect.isclass(builder):
        return None
    known: set[str] = set()
    for base in builder.__mro__:
        if "__init__" not in vars(base):
            continue
        if base is object:
            break
        parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        known.update(parameter.name for parameter in parameters)
        if all(parameter.kind is not inspect.Parameter.VAR_KEYWORD for parameter in parameters):
            return known
    return known
