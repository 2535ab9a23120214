"""Unknown keys in the nested parts of a config: every `type` is looked up, and its arguments are what may stand there.

mmengine notices a wrong argument when it builds the object, which for a hook or a scheduler is minutes into a job.
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

#: Arguments that are taken out of the dict before the object is built.
_BESIDE = {
    "OptimWrapper": ("constructor", "paramwise_cfg"),
    "AmpOptimWrapper": ("constructor", "paramwise_cfg"),
    "EpochBasedTrainLoop": ("by_epoch",),
    "IterBasedTrainLoop": ("by_epoch",),
}
#: Taken out of any hook (`priority`) and any parameter scheduler (`convert_to_iter_based`).
_BESIDE_ANY = ("type", "priority", "convert_to_iter_based", "_scope_")

#: Parts whose `type` is no registered class, or one that is built with other arguments.
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
        InputError: a `type` is not registered, or a key is no argument of it; names the place and the nearest.
    """
    if isinstance(value, list):
        for place, item in enumerate(value):
            check_keys(item, f"{where}[{place}]")
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
        InputError: a key is neither one of torch's `DataLoader` nor one that mmengine adds.
    """
    known = {*inspect.signature(DataLoader.__init__).parameters, "num_batch_per_epoch", "disable_subprocess_warning"}
    for key in loader:
        if key not in known - {"self"} and key != "_scope_":
            raise InputError(f"{where}: unknown key {key!r}; {nearest(key, sorted(known - {'self'}))}")


def _find(name: str, where: str) -> Callable[..., Any]:
    for part in _REGISTRIES:
        found: Callable[..., Any] | None = part.get(name)
        if found is not None:
            return found
    everywhere = [*_REGISTRIES, *(part.parent for part in _REGISTRIES if part.parent is not None)]
    names = sorted({entry for part in everywhere for entry in part.module_dict})
    raise InputError(f"{where}.type: nothing is registered as {name!r}; {_near(name, names)}")


def _near(name: str, names: list[str]) -> str:
    hint = nearest(name, names)
    # Hundreds of names are no help.
    return hint if hint.startswith("did you mean") else "is its module among custom_imports?"


def _arguments(builder: Callable[..., Any]) -> set[str] | None:
    """All keyword arguments of a class, those that it hands on to its bases included; None where any is taken."""
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
