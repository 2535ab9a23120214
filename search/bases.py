"""`_base_ = "detection/coco_ssd320"`: a config anywhere may inherit one of ours by its name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def named_bases(find: Callable[[str], Path | None]) -> Iterator[None]:
    """A block in which mmengine takes a `_base_` that is no file beside the config for the name of a protocol.

    Args:
        find: the file of a protocol by name, or None.
    """
    from mmengine.config import Config

    # mmengine calls it by the class' name, so that a subclass would not be asked.
    original = Config._get_cfg_path

    def get_cfg_path(cfg_path: str, filename: str) -> tuple[str, str | None]:
        beside = Path(filename).parent / cfg_path
        if "::" not in cfg_path and not beside.is_file():
            named = find(cfg_path.removesuffix(".py"))
            if named is not None:
                return str(named), None
        found: tuple[str, str | None] = original(cfg_path, filename)
        return found

    Config._get_cfg_path = staticmethod(get_cfg_path)
    try:
        yield
    finally:
        Config._get_cfg_path = staticmethod(original)
