"""list, show, find or check pretrained weights"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import api
from bench.console.visible import visible


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("list", help="list the weights that have a card, and which of them are on this machine")
    show = verbs.add_parser("show", help="show a card: origin, digest, licence, preprocessing, accuracy")
    get = verbs.add_parser("get", help="print the path of the file; fetch it if it lies on the Hugging Face Hub")
    for verb in (show, get):
        verb.add_argument("name", metavar="NAME", help="a name of the list, timm:MODEL or timm:MODEL.TAG")
    show.add_argument("--json", action="store_true", help="print one JSON object")
    check = verbs.add_parser("check", help="say whose weights a file holds; exit code 2 if it is not its card's file")
    check.add_argument("file", type=Path, metavar="FILE")
    check.add_argument("--card", metavar="NAME", help="the weights that it should be (default: by digest or file name)")


def run(arguments: argparse.Namespace) -> int:
    if arguments.verb == "list":
        cards = api.weight_cards()
        width = max(len(name) for name in cards)
        for name, here in cards.items():
            card = api.describe_weights(name)
            print(f"{name:<{width}}  {card['architecture']}  {'here' if here else card['get']}")
        print(f"{'timm:MODEL':<{width}}  any model of timm  its own weights, from the Hugging Face Hub's cache")
    elif arguments.verb == "show":
        card = api.describe_weights(arguments.name)
        print(json.dumps(card) if arguments.json else "\n".join(_lines(card)))
    elif arguments.verb == "get":
        file, said = api.get_weights(arguments.name)
        print(visible(str(file)))
        print(said, file=sys.stderr)
    else:
        _, said = api.check_weights(arguments.file, arguments.card)
        print(visible(f"{arguments.file}: {said}"))
    return 0


def _lines(card: dict[str, Any]) -> Iterator[str]:
    """Format a card."""
    unknown = "not known"
    yield f"{card['name']}  ({card['architecture']})"
    yield from ([card["note"]] if card["note"] else [])
    yield f"from      {card['origin']}"
    yield f"file      {card['file'] or 'not on this machine; ' + card['get']}"
    yield f"digest    {card['sha256'] or unknown}"
    yield f"size      {unknown if card['size'] is None else format(card['size'], ',') + ' bytes'}"
    yield f"licence   {card['licence']}"
    yield f"images    {' x '.join(map(str, card['input_size']))}, mean {card['mean']}, deviation {card['std']}"
    yield f"classes   {card['classes'] or 'none: without a classifier'}"
    accuracy = card["accuracy"]
    tops = ", ".join(f"{key} {accuracy[key]} %" for key in ("top1", "top5") if key in accuracy)
    yield f"accuracy  {tops + ' (' + accuracy['source'] + ')' if tops else unknown}"
