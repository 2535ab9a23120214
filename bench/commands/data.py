"""make the embedded digits, or check a protocol's data"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.commands.options import add_config_options, add_data, options_of
from bench.console.arguments import whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    digits = verbs.add_parser("digits", help="write the embedded digits as three data sets in the real formats")
    digits.add_argument("--out", type=Path, metavar="DIR", help="default: $WILDNAS_DIGITS, or work/digits")
    digits.add_argument("--seed", type=whole, default=0)
    check = verbs.add_parser("check", help="look at the data of a protocol without training")
    check.add_argument("protocol", metavar="PROTOCOL")
    add_data(check)
    check.add_argument("--work-dir", type=Path, default=Path("work"), metavar="DIR", help="where --data is converted")
    add_config_options(check)


def run(arguments: argparse.Namespace) -> int:
    if arguments.verb == "digits":
        from bench import digits
        from bench.digits.embedded import digits_root

        print(digits.ensure(arguments.out or digits_root(), seed=arguments.seed))
        return 0
    counts, fingerprint = _check(arguments.protocol, options_of(arguments, arguments.protocol))
    for name, count in counts.items():
        print(f"{count:>9,}  {name}")
    print(fingerprint, file=sys.stderr)
    return 0


def _check(name: str, options: list[str]) -> tuple[dict[str, int], str]:
    """Counts and fingerprint of a protocol's data, of which every image has been opened."""
    from search.configs import load_config

    if load_config(name, options).values.get("task") == "search":
        from bench.digits.embedded import ensure_embedded
        from bench.searches.task import load_search
        from search.data.names import as_counts
        from search.data.proxies import check_proxy

        settings = load_search(name, options).settings
        ensure_embedded(settings.embedded)
        source = check_proxy(settings.proxy, settings.batch_size)
        source.check()
        counts = {"images": len(source.files), "classes": len(source.classes), **as_counts(source.passed_over)}
        return counts, source.fingerprint()
    from bench.tasks.registry import load_protocol

    task, protocol = load_protocol(name, options)
    report = task.check(protocol)
    task.look(protocol)
    return dict(report.counts), report.fingerprint
