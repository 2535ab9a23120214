"""Let a config anywhere inherit a protocol by name: `_base_ = "detection/coco_ssd320"`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def named_bases(find: Callable[[str], Path | None]) -> Iterator[None]:
    """Resolve, within the block, a `_base_` that is not a file beside the config as the name of a protocol.

    Args:
        find: returns the file of a protocol by name, or None.
    """
    from mmengine.config import Config

    # Patched, because mmengine calls the method on `Config` itself, so that a subclass has no effect.
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
