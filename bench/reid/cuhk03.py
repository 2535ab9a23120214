"""CUHK03 under the protocol of Zhong et al. 2017: 767 identities to train on, 700 to test.

Li et al., DeepReID (CVPR 2014); Zhong et al., Re-ranking Person Re-identification with k-reciprocal Encoding (CVPR
2017), whose MATLAB file assigns the images to the parts. Evaluated as Market-1501.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from backbones.errors import InputError
from bench.reid.listing import Image, Listing, relabelled, require_folder

_EXPECTED = (
    "expected CUHK03 below data_root: cuhk03/ with images_{kind}/ (such as 1_001_1_01.png, which torchreid's own "
    "reader extracts from cuhk03_release/cuhk-03.mat; it needs h5py and imageio) and "
    "cuhk03_new_protocol_config_{kind}.mat; nothing is downloaded"
)


def read_cuhk03(data_root: Path, kind: str) -> Listing:
    """Read CUHK03 with `detected` or `labeled` boxes."""
    folder = data_root / "cuhk03"
    expected = _EXPECTED.format(kind=kind)
    images = folder / f"images_{kind}"
    require_folder(images, expected)
    file = folder / f"cuhk03_new_protocol_config_{kind}.mat"
    if not file.is_file():
        raise InputError(f"{file}: missing; {expected}")
    content = _read_mat(file)
    try:
        names = [str(name[0]) for name in content["filelist"].ravel()]
        labels = [int(label) for label in content["labels"].ravel()]
        # MATLAB counts from 1.
        indices = {part: content[f"{part}_idx"].ravel().astype(int) - 1 for part in ("train", "query", "gallery")}
        named = {part: [(names[index], labels[index]) for index in those] for part, those in indices.items()}
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise InputError(f"{file}: not the protocol of Zhong et al. 2017: {error}") from error
    parts = {part: sorted(_image(images, *image, file) for image in those) for part, those in named.items()}
    return Listing(folder, relabelled(parts["train"]), parts["query"], parts["gallery"], annotations=(file,))


def _read_mat(file: Path) -> dict[str, Any]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        content: dict[str, Any] = loadmat(file)
    # SciPy's errors for a file that is empty, of MATLAB 7.3, of another format, damaged or cut off.
    except (MatReadError, NotImplementedError, ValueError, TypeError, OSError, IndexError) as error:
        raise InputError(f"{file}: cannot be read as a MATLAB file: {error}") from error
    return content


def _image(folder: Path, name: str, label: int, file: Path) -> Image:
    # Camera pair, person, camera of the pair, image.
    found = re.fullmatch(r"\d+_\d+_([12])_\d+\.png", name)
    if not found:
        raise InputError(f"{file}: cannot read the camera from {name[:80]!r}; expected a name like 1_001_1_01.png")
    if not (folder / name).is_file():
        raise InputError(f"{folder / name}: missing, but {file.name} names it")
    return str(folder / name), label, int(found[1]) - 1
