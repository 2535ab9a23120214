"""Tell errors of too little memory from others."""

from __future__ import annotations

#: What torch's allocators, CUDA and its libraries say.
_WORDS = ("out of memory", "allocate memory", "not enough memory", "ALLOC_FAILED", "size calculation overflowed")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocator of GPU, CPU or Python failed, or a tensor's size is beyond any memory.

    torch raises a RuntimeError for all of them.
    """
    said = str(error) if isinstance(error, RuntimeError) else ""
    return isinstance(error, MemoryError) or any(words in said for words in _WORDS)
