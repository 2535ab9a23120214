"""The house: who imports whom, how many files lie where, and that a name has one meaning."""

from __future__ import annotations

import ast
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("backbones", "search", "bench")
FILES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for package in PACKAGES
    for file in sorted((ROOT / package).rglob("*.py"))
}
TREES = {module: ast.parse(file.read_text(encoding="utf-8")) for module, file in FILES.items()}

#: What a command may import: the library's calls, options, and what prints.
OF_COMMANDS = ("bench.api", "bench.commands", "bench.console")


def imports(node: ast.AST, typing: bool = True) -> Iterator[str]:
    """The modules of the three packages that code imports, anywhere in it.

    Args:
        typing: whether what only a type checker imports counts.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names if alias.name in FILES)
        elif isinstance(child, ast.ImportFrom):
            for alias in child.names:
                names = (f"{child.module}.{alias.name}", str(child.module))
                yield from [name for name in names if name in FILES][:1]
        elif isinstance(child, ast.If) and not typing and ast.unparse(child.test) == "TYPE_CHECKING":
            for other in child.orelse:
                yield from imports(other, typing)
        else:
            yield from imports(child, typing)


EDGES = {module: sorted(set(imports(tree)) - {module}) for module, tree in TREES.items()}


def test_no_import_goes_upwards() -> None:
    order = {package: place for place, package in enumerate(PACKAGES)}
    upwards = [
        (module, other)
        for module, others in EDGES.items()
        for other in others
        if order[other.partition(".")[0]] > order[module.partition(".")[0]]
    ]
    assert upwards == []
    searches = [other for module in EDGES if module.startswith("bench.pipeline") for other in EDGES[module]]
    assert not [other for other in searches if other.startswith("bench.searches")]
    task = EDGES["bench.searches.task"]
    assert not [other for other in task if other.startswith(("bench.runs", "bench.records"))]
    # Commands are called by nobody but the command line.
    callers = [
        module for module, others in EDGES.items() if any(other.startswith("bench.commands") for other in others)
    ]
    assert [caller for caller in callers if not caller.startswith("bench.commands")] == ["bench.__main__"]


def room(module: str) -> str:
    """The folder directly in a package that a module is in; a module that is in none stands for itself."""
    parts = module.split(".")[:2]
    return ".".join(parts) if len(parts) == 2 else f"{module}.__init__"


def confirm_no_circle(edges: Mapping[str, Iterable[str]]) -> None:
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " > ".join((*path[path.index(name) :], name))
        if name not in done:
            for other in edges[name]:
                walk(other, (*path, name))
            done.add(name)

    for name in edges:
        walk(name, ())


def test_there_is_no_circle_of_files() -> None:
    confirm_no_circle(EDGES)


def test_there_is_no_circle_of_rooms() -> None:
    edges = defaultdict(set)
    for module, others in EDGES.items():
        edges[room(module)] |= {room(other) for other in others} - {room(module)}
    assert len(edges) > 50
    confirm_no_circle(edges)


def test_a_command_imports_the_api_options_and_printing() -> None:
    strange = {
        module: others
        for module in TREES
        if module.startswith("bench.commands.") and module != "bench.commands.cli"
        if (others := [name for name in imports(TREES[module], typing=False) if not name.startswith(OF_COMMANDS)])
    }
    assert strange == {}


def test_no_two_classes_are_called_alike() -> None:
    homes = defaultdict(list)
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(module)
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}


def test_a_package_s_own_folder_holds_few_files_and_names_say_what_is_in_them() -> None:
    assert len(list((ROOT / "search").glob("*.py"))) <= 10
    assert len(list((ROOT / "bench").glob("*.py"))) <= 4
    # A command is named by what a user types.
    held = itertools.filterfalse(lambda file: file.parent.name == "commands", FILES.values())
    assert not {"utils.py", "helpers.py", "common.py", "layout.py", "data.py"} & {file.name for file in held}
