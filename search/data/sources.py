"""Finding the images that a config names, whatever they lie in."""

from __future__ import annotations

from pathlib import Path

from search.data.archives import list_image_archive
from search.data.cifar import read_cifar
from search.data.folders import list_image_folder
from search.data.images import ImageSource
from search.data.settings import Proxy


def list_images(root: str | Path) -> ImageSource:
    """List an image folder, or a zip file of one, without opening an image.

    Raises:
        InputError: it is missing, empty or malformed; names it.
    """
    root = Path(root)
    return list_image_archive(root) if root.is_file() else list_image_folder(root)


def find_source(proxy: Proxy) -> ImageSource:
    """The images of a proxy's `kind` and `root`, all of them.

    Raises:
        InputError: they are missing, empty or malformed; names what is.
    """
    return list_images(proxy.root) if proxy.kind == "folder" else read_cifar(proxy.kind, proxy.root, proxy.download)
