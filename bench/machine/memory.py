"""Tell errors of too little memory from others."""

from __future__ import annotations


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocator of GPU, CPU or Python failed, or a tensor's size is beyond any memory.

    torch raises a plain RuntimeError for all but a GPU's.
    """
    gpu = any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__)
    said = str(error) if isinstance(error, RuntimeError) else ""
    return gpu or isinstance(error, MemoryError) or "allocate memory" in said or "size calculation overflowed" in said
