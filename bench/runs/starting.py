"""Resolve `--weights`: the name of pretrained weights, `record:NAME` for a run's own, or a file."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from backbones import pretrained
from backbones.build import design_of
from backbones.design import Design, TimmModel
from backbones.errors import InputError
from backbones.files import file_digest
from backbones.pretrained import Normalisation, WeightCard
from backbones.pretrained.cards import OF_TIMM, is_name
from backbones.pretrained.places import place_of
from bench.records.check import confirm_recorded
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import Protocol, Task
from bench.tasks.registry import get_task
from bench.tasks.weights import weights_folder

#: Prefix of a record's name, `record:classification/digits/PDARTS/seed0`.
OF_RECORD = "record:"


@dataclass(frozen=True)
class StartingWeights:
    """Initial weights.

    Attributes:
        file: None for those of a record, whose checkpoint is looked for when it is needed.
        card: of pretrained weights.
        record: the run that wrote them.
        normalisation: that of the images they were trained on; None if it is not known.
    """

    file: Path | None = None
    card: WeightCard | None = None
    record: Record | None = None
    normalisation: Normalisation | None = None

    @property
    def digest(self) -> str | None:
        """SHA-256 of the weights' file; None without weights, or if it is not in place and its card does not know."""
        if self.card is not None and self.card.sha256 is not None:
            return self.card.sha256
        if self.record is not None and self.record.checkpoint is not None:
            return self.record.checkpoint.sha256
        return file_digest(self.file) if self.file is not None and self.file.is_file() else None

    def named(self, architecture: NamedArchitecture, scored: bool = False) -> NamedArchitecture:
        """The architecture under the name that its records have: with the digest of pretrained or scored weights."""
        digest = self.digest if scored or self.card is not None else None
        return architecture if digest is None else architecture.with_digest(digest)

    def fed(self, task: Task, protocol: Protocol) -> Protocol:
        """The protocol with images normalised as those of the card or the record; a file's are not changed."""
        if self.normalisation is None or (self.card is None and self.record is None):
            return protocol
        return task.normalised(protocol, self.normalisation)

    def remark(self, protocol: str, own: Normalisation | None) -> str:
        """A line on images that are not known to be normalised as the weights need it; empty if they are."""
        if self.file is None or self.card is not None or own is None:
            return ""
        if self.normalisation is None:
            return (
                f"weights {self.file}: nothing is known of the images that they were trained on; {protocol} "
                f"normalises by {own}"
            )
        if self.normalisation.is_close(own):
            return ""
        return f"weights {self.file}: were trained with {self.normalisation}; {protocol} normalises by {own}"


def is_file_name(text: str) -> bool:
    """Whether a text names neither pretrained weights nor a record."""
    return not is_name(text) and not text.startswith(OF_RECORD)


def find_weights(given: str, design: Design, results: Path) -> StartingWeights:
    """Find the weights that are given for an architecture.

    Raises:
        InputError: they are not there, are not what their card or record says, or belong to another architecture.
    """
    if given.startswith(OF_RECORD):
        return _of_record(given, design, results)
    if is_file_name(given):
        file = Path(given)
        confirm_file(given)
        card = pretrained.card_of(file)
        if card is None:
            record = confirm_recorded(file, results)
            known = None if record is None else get_task(record.task).normalisation(record.config)
            return StartingWeights(file, normalisation=known)
        _confirm_card(given, card, design)
    else:
        card = card_for(given, design)
        # Before the file is looked for: nobody should fetch one that does not fit.
        _confirm_card(given, card, design)
        file = pretrained.find(card, weights_folder())
    return StartingWeights(file, card, normalisation=card.normalisation)


def _confirm_card(given: str, card: WeightCard, design: Design) -> None:
    _confirm_architecture(f"weights {given}", design_of(card.architecture), design, card.architecture)


def planned_weights(given: str, design: Design) -> StartingWeights:
    """Find the weights that a pipeline names for an architecture; their file may be missing.

    Raises:
        InputError: an unknown name, or weights of another architecture.
    """
    if is_file_name(given):
        return StartingWeights(Path(given))
    if given.startswith(OF_RECORD):
        raise InputError(
            f"weights={given!r}: a pipeline's own retraining gives such weights; expected a name or a file"
        )
    card = card_for(given, design)
    _confirm_architecture(f"weights={given!r}", design_of(card.architecture), design, card.architecture)
    return StartingWeights(place_of(card, weights_folder()), card, normalisation=card.normalisation)


def card_for(name: str, design: Design) -> WeightCard:
    """Find a card by name; `timm` means timm's own weights of the architecture.

    Raises:
        InputError: no such card, or `timm` for a genotype.
    """
    if name != OF_TIMM:
        return pretrained.get(name)
    if not isinstance(design, TimmModel):
        raise InputError("weights timm: are those of a model of timm; expected the architecture to be timm:MODEL")
    return pretrained.get(f"{OF_TIMM}:{design.name}")


def confirm_file(given: str) -> None:
    """Check that a file of weights exists.

    Raises:
        InputError: it does not; names the nearest card.
    """
    if not Path(given).is_file():
        close = difflib.get_close_matches(given, pretrained.names(), n=1)
        meant_as_name = not Path(given).suffix and "/" not in given
        hint = ", nor a name of `wildnas weights list`" if meant_as_name else ""
        hint = f"; did you mean the weights {close[0]!r}?" if close else hint
        raise InputError(f"weights {given}: no such file{hint}")


def _of_record(given: str, design: Design, results: Path) -> StartingWeights:
    name = given.removeprefix(OF_RECORD).removesuffix(".json")
    store = RecordStore(results)
    record = store.find(name) if name and not name.startswith("/") and ".." not in name.split("/") else None
    if record is None:
        raise InputError(
            f"weights {given[:200]}: no such record below {store.root}; expected its path, such as "
            "record:classification/digits/PDARTS/seed0"
        )
    if record.checkpoint is None:
        raise InputError(f"weights {given}: a run of {record.task} leaves no weights")
    held = record.architecture
    theirs: Design = design_of(f"timm:{held.timm}" if held.genotype is None else held.genotype)
    _confirm_architecture(f"weights {given}", theirs, design, held.name)
    return StartingWeights(record=record, normalisation=get_task(record.task).normalisation(record.config))


def _confirm_architecture(where: str, held: Design, wanted: Design, name: str) -> None:
    if held.digest != wanted.digest:
        given = f"timm:{wanted.name}" if isinstance(wanted, TimmModel) else f"genotype {wanted.digest[:12]}"
        raise InputError(f"{where}: are weights of another architecture: {name}, not {given}")
