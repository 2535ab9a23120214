"""Count the operations that a GPU would get, on any machine.

PyTorch issues one operation after another, and each costs a GPU some microseconds, however small it is. The operations
do not depend on the device, so a CPU can count them: every ATen operation of a call, forward and backward, except
views. Most are one kernel; a convolution's backward pass and operations on lists of tensors are a few. A count is not a
time: kernels differ in how long they run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

#: Operations that return another view of the same memory.
VIEWS = frozenset(
    [
        "alias",
        "as_strided",
        "detach",
        "diagonal",
        "expand",
        "permute",
        "reshape",
        "select",
        "slice",
        "split",
        "split_with_sizes",
        "squeeze",
        "t",
        "transpose",
        "unbind",
        "unsqueeze",
        "unsafe_split",
        "unsafe_split_with_sizes",
        "view",
        "_reshape_alias",
        "_unsafe_view",
        "unfold",
    ]
)

#: Operations that create a tensor from Python's numbers; on a GPU this is a copy from the host, which waits.
HOST_COPIES = frozenset({"lift_fresh", "lift_fresh_copy"})

#: Operations whose result the host reads; it waits for the device.
READS = frozenset(
    ["_local_scalar_dense", "equal", "is_nonzero", "masked_select", "nonzero", "_unique2", "unique_dim", "bincount"]
)

#: Operations that copy between devices if their tensors lie on two.
_ACROSS = frozenset({"_to_copy", "copy_", "index", "index_put_", "index_put", "_index_put_impl_"})


class Issued(TorchDispatchMode):
    """Record the operations that are issued within a `with` block.

    Attributes:
        operations: name of each kernel in order, with the shapes of its tensors.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[str, tuple[tuple[int, ...], ...]]] = []
        self._views = 0
        self._copies = 0
        self._reads = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.removeprefix("aten::")
        result = func(*args, **(kwargs or {}))
        if name in VIEWS:
            self._views += 1
        elif name in HOST_COPIES:
            self._copies += 1
        elif name in READS:
            self._reads += 1
        else:
            given, made = _tensors((args, kwargs)), _tensors(result)
            if name in _ACROSS:
                self._copies += _any(given, cpu=True) and _any(made, cpu=False)
                self._reads += _any(given, cpu=False) and _any(made, cpu=True)
            self.operations.append((name, tuple(tuple(each.shape) for each in [*given, *made])))
        return result

    def counts(self) -> dict[str, int]:
        """Number of kernels, views, copies from the host and reads by the host."""
        return {
            "kernels": len(self.operations),
            "views": self._views,
            "host_copies": self._copies,
            "reads": self._reads,
        }

    def by_name(self) -> dict[str, int]:
        """Number of calls of each operation, the most frequent first."""
        return dict(Counter(name for name, _ in self.operations).most_common())


def count(call: Callable[[], object]) -> dict[str, int]:
    """Count the operations of a call."""
    with Issued() as issued:
        call()
    return issued.counts()


def _tensors(values: Any) -> list[torch.Tensor]:
    return [each for each in tree_leaves(values) if isinstance(each, torch.Tensor)]


def _any(tensors: list[torch.Tensor], cpu: bool) -> bool:
    return any((each.device.type == "cpu") == cpu for each in tensors)
