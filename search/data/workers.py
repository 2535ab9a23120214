"""Errors of data-loader workers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from backbones.errors import InputError


@contextlib.contextmanager
def plain_worker_errors() -> Iterator[None]:
    """A block that reads images in other processes, which hand on a whole traceback as the message of an error."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error).strip().splitlines()[-1].split("InputError: ")[-1]) from error
