"""make the embedded digits, or check a protocol's data"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.console.arguments import whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    digits = verbs.add_parser("digits", help="write the embedded digits as three data sets in the real formats")
    digits.add_argument("--out", type=Path, metavar="DIR", help="default: $WILDNAS_DIGITS, or work/digits")
    digits.add_argument("--seed", type=whole, default=0)
    check = verbs.add_parser("check", help="look at the data of a protocol without training")
    check.add_argument("protocol", metavar="PROTOCOL")


def run(arguments: argparse.Namespace) -> int:
    if arguments.verb == "digits":
        from bench import digits
        from bench.digits.embedded import digits_root

        print(digits.ensure(arguments.out or digits_root(), seed=arguments.seed))
        return 0
    counts, fingerprint = _check(arguments.protocol)
    for name, count in counts.items():
        print(f"{count:>9,}  {name}")
    print(fingerprint, file=sys.stderr)
    return 0


def _check(name: str) -> tuple[dict[str, int], str]:
    if name.startswith("search/"):
        from bench.digits.embedded import ensure_embedded
        from bench.searches.task import load_search
        from search.data.proxies import check_proxy

        settings = load_search(name).settings
        ensure_embedded(settings.embedded)
        folder = check_proxy(settings.proxy, settings.batch_size)
        return {"images": len(folder.files), "classes": len(folder.classes)}, folder.fingerprint()
    from bench.tasks.registry import load_protocol

    task, protocol = load_protocol(name)
    report = task.check(protocol)
    return dict(report.counts), report.fingerprint
