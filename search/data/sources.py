"""Find the images that a config names, of any kind."""

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
        InputError: the folder or file is missing, empty or malformed.
    """
    root = Path(root)
    return list_image_archive(root) if root.is_file() else list_image_folder(root)


def find_source(proxy: Proxy) -> ImageSource:
    """List all images of a proxy's `kind` and `root`.

    Raises:
        InputError: the images are missing or malformed.
    """
    return list_images(proxy.root) if proxy.kind == "folder" else read_cifar(proxy.kind, proxy.root, proxy.download)
