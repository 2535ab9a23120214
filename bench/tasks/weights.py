"""The cards of pretrained weights, and their files on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backbones import pretrained
from backbones.errors import InputError
from backbones.files import file_digest
from backbones.pretrained import WeightCard
from backbones.pretrained.places import confirm, how_to_get, hub_digest, place_of
from search.configs import data_folder


def weights_folder() -> Path:
    """The folder of files that are put in place by hand, `$WILDNAS_DATA/weights`."""
    return Path(data_folder("WILDNAS_DATA")) / "weights"


def weight_cards() -> dict[str, bool]:
    """List the cards by name: whether the file of each is in place; it is not read."""
    return {name: place_of(pretrained.get(name), weights_folder()).is_file() for name in pretrained.names()}


def describe_weights(name: str) -> dict[str, Any]:
    """Describe weights by name; `file` is None if it is not in place, and `get` says how it gets there.

    Raises:
        InputError: no such weights.
    """
    card = pretrained.get(name)
    file = place_of(card, weights_folder())
    return {
        "name": card.name,
        "architecture": card.architecture,
        "origin": card.origin.where,
        "file": str(file) if file.is_file() else None,
        "get": how_to_get(card, weights_folder()),
        "sha256": card.sha256,
        "size": card.size,
        "licence": card.licence,
        "input_size": list(card.input_size),
        **card.normalisation.to_json(),
        "classes": card.classes,
        "accuracy": dict(card.accuracy),
        "note": card.note,
    }


def get_weights(name: str) -> tuple[Path, str]:
    """Find the file of weights, fetched from the Hub if it lies there.

    Returns:
        The file, and its digest in words.

    Raises:
        InputError: no such weights, they are not here and cannot be fetched, or the file is another one.
    """
    card = pretrained.get(name)
    file = pretrained.fetch(card, weights_folder())
    return file, f"{file_digest(file)}{_unknown(card, file)}"


def check_weights(file: Path, name: str | None = None) -> tuple[WeightCard | None, str]:
    """Find out whether a file is that of a card, and whether weights can be read from it.

    Where no digest is known, names and shapes are compared with the card's architecture.

    Args:
        name: the card that it should be; None takes the one with its digest, or with its file name.

    Returns:
        The card, None if there is none; and in words: whose weights they are, the number of entries and the digest.

    Raises:
        InputError: the file is not that of the card, does not fit its architecture, or holds no weights.
    """
    from backbones import weights

    if not file.is_file():
        raise InputError(f"{file}: {'is a folder' if file.is_dir() else 'no such file'}; expected a file of weights")
    card = pretrained.get(name) if name else pretrained.card_of(file)
    whose, unknown = "no card knows this file, so nothing is known of its images", _unknown(card, file)
    if card is not None:
        confirm(card, file)
        whose = f"{'has the names and shapes of ' if unknown else ''}the weights {card.name}"
        known = pretrained.recognise(file)
        if known is not None and known.name != card.name:
            raise InputError(f"{file}: is the file of the weights {known.name}, not {card.name}")
        if unknown:
            _confirm_fit(card, file)
    entries = len(weights.read_state_dict(file))
    return card, f"{whose}; {entries} entries, {file_digest(file)}{unknown}"


def _confirm_fit(card: WeightCard, file: Path) -> None:
    """Raise InputError if a file's names and shapes are not those of a card's architecture."""
    from backbones import weights
    from backbones.build import build_classifier, design_of

    # The size of the papers' ImageNet networks; a timm model has its own.
    network = build_classifier(design_of(card.architecture), "imagenet", 48, 14, card.classes or 1000, auxiliary=False)
    try:
        weights.load(network, file, new_classifier=not card.classes)
    except InputError as error:
        raise InputError(f"{error}; expected the weights {card.name}") from error


def _unknown(card: WeightCard | None, file: Path) -> str:
    """Say that a card does not know its file's digest."""
    if card is None or card.sha256 is not None or hub_digest(card, file) is not None:
        return ""
    return "; its card knows no digest to compare with, so whether it is the authors' file is not known"
