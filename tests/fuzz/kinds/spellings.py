"""What people write: configs, options, names of architectures, genotypes, arguments of commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from backbones import zoo
from tests.fuzz.kinds.texts import NO_FILE, NO_JSON
from tests.fuzz.outcome import Row, command

Make = Callable[[Path], Callable[[], Any]]

#: Configs that cannot be read, or say what cannot be run.
CONFIGS: dict[str, str] = {
    "empty": "",
    "sys.exit(0)": "import sys\nsys.exit(0)",
    "sys.exit()": "raise SystemExit",
    "quit()": "quit()",
    "EOFError": "raise EOFError",
    "StopIteration": "raise StopIteration",
    "MemoryError": "raise MemoryError",
    "KeyError": "{}['x']",
    "an error of no text": "raise Exception",
    "an error of its own kind": "class Own(BaseException): pass\nraise Own('x')",
    "an error of two lines": "raise ValueError('a\\nb\\nc')",
    "a warning as an error": "import warnings\nwarnings.simplefilter('error')\nwarnings.warn('x')",
    "recursion": "def f(): return f()\nf()",
    "a list in itself": "a = []\na.append(a)\nx = a",
    "no syntax": "x = = 3",
    "an indentation": "  x = 3",
    "NUL": "x = '\\0'\n\x00",
    "a module that is not there": "import no_such_module",
    "an unknown variable": "x = nobody",
    "division by zero": "x = 1 / 0",
    "task of a list": "task = [1]",
    "task of a number": "task = 5",
    "task of none": "task = None",
    "task of an object": "task = object()",
    "task of a type": "task = dict",
    "task of an unknown name": "task = 'other'",
    "a base that is not there": "_base_ = 'no_such.py'",
    "a base of a number": "_base_ = 3",
    "a base of itself": "_base_ = 'config.py'",
    "a base in the network": "_base_ = 'http://192.0.2.1/x.py'",
    "a variable that is not set": "x = '{{$NOPE}}'",
    "a variable that is left open": "x = '{{$NOPE'",
    "a number of 400 digits": "task = 'classification'\nepochs = 10**400",
    "a bytes object": "task = 'classification'\nepochs = b'5'",
    "an open file": "task = 'classification'\nepochs = open('/dev/null')",
    "half a pair": "task = 'classification'\nembedded = '\\ud800'",
    "deep": "x = " + "[" * 90 + "]" * 90,
    "deeper": "x = " + "[" * 400 + "]" * 400,
    "2,000 names": "\n".join(f"x{number} = 1" for number in range(2_000)),
}

#: Changes on top of a whole protocol, as Python.
VALUES = (
    "epochs = lambda: 1",
    "epochs = 0",
    "epochs = -1",
    "epochs = 1.5",
    "epochs = True",
    "epochs = None",
    "epochs = 10**18",
    "epochs = float('nan')",
    "epochs = [1]",
    "epochs = 'ten'",
    "batch_size = 0",
    "batch_size = -2",
    "batch_size = 10**12",
    "channels = 10**6",
    "channels = 0",
    "channels = 'other'",
    "channels = [16]",
    "layers = 10**9",
    "layers = 2",
    "limit = 0",
    "limit = -1",
    "validate_every = 0",
    "drop_path = 1.0",
    "drop_path = float('inf')",
    "label_smoothing = -1",
    "ema = 2",
    "network = 'other'",
    "network = None",
    "images = None",
    "images = 'folder'",
    "images = dict(kind='other')",
    "images = dict(train='/nowhere')",
    "optimiser = []",
    "optimiser = dict(lr=0)",
    "optimiser = dict(lr=float('nan'))",
    "optimiser = dict(schedule='other')",
    "optimiser = dict(warmup_epochs=10**6)",
    "execution = dict(accumulate=0)",
    "execution = dict(precision='fp8')",
    "expected = dict(images='many')",
    "expected = []",
    "reduced = 'why'",
    "reduced = [5]",
    "embedded = 'other'",
    "macs_limit = 0",
    "other = 1",
    "auxiliary_weight = -1",
)

OPTIONS = (
    "epochs={[]:1}",
    "epochs={{}}",
    "epochs=",
    "=1",
    "epochs",
    "epochs=lambda: 1",
    "epochs=__import__('os')",
    "epochs=0",
    "epochs=1e999",
    "epochs=" + "9" * 5000,
    "epochs=" + "[" * 5000,
    "epochs=" + "-" * 5000 + "1",
    "epochs='\\ud800'",
    "epochs.0=1",
    "epochs.x.y=1",
    "images=3",
    "images.train.x=1",
    "images.other=1",
    "images.=1",
    ".=1",
    "..epochs=1",
    "stages.-1.epochs=1",
    "stages.99.epochs=1",
    "reduced.0=x",
    "reduced.5=x",
    "__class__=1",
    "__init__.x=1",
    "_base_=other",
    "_delete_=True",
    "keys=1",
    "task=[1]",
    "task=reid",
    "ep\x00ochs=1",
    "épochs=1",
)

ARCHITECTURES = (
    "",
    " ",
    "NO_SUCH",
    "pdarts\x1b[2J",
    "PDARTS\n",
    "random:",
    "random:-1",
    "random:1.5",
    "random:" + "9" * 400,
    "random:²",
    "timm:",
    "timm:no_such_model",
    "timm:hf-hub:other/model",
    "timm:local-dir:/tmp",
    "timm:../../x",
    "timm:" + "a" * 5000,
    "/",
    "/dev/null",
    "/dev/zero",
    "/proc/self/mem",
    ".",
    "..",
    "no/such/folder",
    "no_such.json",
    "Genotype(",
    "Genotype()",
    "Genotype(__import__('os').system('touch harm'))",
    "Genotype(normal=[])",
    "{" + "[" * 5000,
    "{}",
    '{"normal": null}',
    "(" * 5000,
    "a" * 100_000,
    "\ud800",
)


def _genotype(**changes: Any) -> bytes:
    return json.dumps({**zoo.get("PDARTS").genotype.to_json(), **changes}).encode()


_EDGES = [["skip_connect", 0], ["skip_connect", 1]] * 4

GENOTYPES: dict[str, bytes] = {
    **{name: content for name, content in NO_JSON.items() if name != "UTF-16"},
    "an unknown operation": _genotype(normal=[["os.system", 0], *_EDGES[1:]]),
    "an operation of a number": _genotype(normal=[[5, 0], *_EDGES[1:]]),
    "an operation of a list": _genotype(normal=[[[], 0], *_EDGES[1:]]),
    "an edge of a text": _genotype(normal=["skip_connect", *_EDGES[1:]]),
    "an edge of five": _genotype(normal=[["skip_connect", 0, 1, 2, 3], *_EDGES[1:]]),
    "an input behind": _genotype(normal=[["skip_connect", 9], *_EDGES[1:]]),
    "an input of 400 digits": _genotype(normal=[["skip_connect", 10**400], *_EDGES[1:]]),
    "an input of -1": _genotype(normal=[["skip_connect", -1], *_EDGES[1:]]),
    "an input of True": _genotype(normal=[["skip_connect", True], *_EDGES[1:]]),
    "10,000 edges": _genotype(normal=_EDGES * 1250),
    "an odd number of edges": _genotype(normal=_EDGES[:7]),
    "no edge": _genotype(normal=[]),
    "concat of nothing": _genotype(normal_concat=[]),
    "concat of 10**9": _genotype(normal_concat=[10**9]),
    "concat of texts": _genotype(normal_concat=["a"]),
    "concat twice": _genotype(normal_concat=[2, 2, 3, 4]),
    "concat of a number": _genotype(normal_concat=4),
    "an unknown key": _genotype(other=1),
    "range of 10**9": b"Genotype(normal=[('none', 0)], normal_concat=range(10**9), reduce=[], reduce_concat=[])",
    "a call": b"Genotype(normal=open('harm', 'w'), normal_concat=[2], reduce=[], reduce_concat=[])",
    "a comprehension": b"Genotype(normal=[x for x in y], normal_concat=[2], reduce=[], reduce_concat=[])",
    "deep brackets": b"Genotype(normal=" + b"[" * 3000 + b"]" * 3000 + b")",
    "10,000 calls": b"Genotype(" * 10_000,
    "ten megabytes": b"Genotype(normal=[" + b"('skip_connect', 0)," * 500_000 + b"])",
}

COMMANDS: dict[str, tuple[str, ...]] = {
    "a command of none": ("other",),
    "a control character": ("\x1b[2J",),
    "nothing": (),
    "table of none": ("table", "other"),
    "table by an unknown column": ("table", "reid", "--sort", "other"),
    "table with an unknown format": ("table", "reid", "--format", "other"),
    "records of nowhere": ("records", "check", "--results", "nowhere"),
    "records of a file": ("records", "check", "--results", "/dev/null"),
    "zoo of none": ("zoo", "show", "NO_SUCH"),
    "a picture of none": ("zoo", "draw", "PDARTS", "--out", "cell.exe"),
    "a picture into a file's folder": ("zoo", "draw", "PDARTS", "--out", "/dev/null/cell.svg"),
    "a seed of a text": ("search", "search/digits_pc_darts", "--seed", "one"),
    "a seed of -1": ("search", "search/digits_pc_darts", "--seed", "-1"),
    "a seed of 400 digits": ("search", "search/digits_pc_darts", "--dry-run", "--seed", "9" * 400),
    "a search of none": ("search", "search/other"),
    "weights of nowhere": ("evaluate", "PDARTS", "--on", "classification/digits", "--weights", "nowhere.pth"),
    "weights of two": ("evaluate", "PDARTS", "DARTS_V2", "--on", "classification/digits", "--weights", "/dev/null"),
    "weights of a device": ("evaluate", "PDARTS", "--on", "classification/digits", "--weights", "/dev/zero"),
    "a protocol of none": ("evaluate", "PDARTS", "--on", "classification/other"),
    "a protocol above": ("evaluate", "PDARTS", "--on", "../../etc/passwd"),
    "detect of nowhere": ("detect", "nowhere.pth", "nowhere.png", "--out", "out"),
    "detect with a threshold of NaN": ("detect", "nowhere.pth", "nowhere.png", "--out", "out", "--threshold", "nan"),
    "rank of nowhere": ("reid", "rank", "nowhere.pth", "--out", "out"),
    "rank of a device": ("reid", "rank", "/dev/zero", "--out", "out"),
    "rank of -1 queries": ("reid", "rank", "nowhere.pth", "--out", "out", "--queries", "-1"),
    "a pipeline of none": ("run", "pipelines/other"),
    "a pipeline of another task": ("run", "classification/digits", "--plan"),
    "derive of nowhere": ("derive", "nowhere.json"),
    "derive with -1": ("derive", "nowhere.json", "--max-skips", "-1"),
    "data of none": ("data", "check", "other/digits"),
    "a title of control characters": ("report", "--title", "\x1b[2J", "--results", "/dev/null"),
}


def _config(text: str) -> Make:
    def make(folder: Path) -> Callable[[], Any]:
        (folder / "config.py").write_text(text, encoding="utf-8", errors="surrogatepass")
        return command("data", "check", folder / "config.py")

    return make


def _places(folder: Path) -> tuple[str, ...]:
    return ("--results", str(folder / "results"), "--work-dir", str(folder / "work"))


def _option(option: str) -> Make:
    def make(folder: Path) -> Callable[[], Any]:
        return _resolved(option)

    return make


def _resolved(option: str) -> Callable[[], Any]:
    def read() -> Any:
        from bench.tasks.registry import load_protocol

        return load_protocol("classification/digits", [option])

    return read


def _genotype_file(content: bytes | Callable[[Path], None]) -> Make:
    def make(folder: Path) -> Callable[[], Any]:
        file = folder / "genotype.json"
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            content(file)
        return command("zoo", "show", file)

    return make


def rows() -> Iterator[Row]:
    base = Path(__file__).parents[3] / "configs" / "classification" / "digits.py"
    for name, text in CONFIGS.items():
        yield Row("config", name, _config(text))
        if name.startswith(("sys", "EOF", "Stop", "task of a list", "no syntax", "a variable that is not")):
            yield Row("search config", name, _search(text))
            yield Row("pipeline", name, _pipeline(text))
    for value in VALUES:
        yield Row("value in a config", value, _config(f"_base_ = {str(base)!r}\n{value}"))
    for option in OPTIONS:
        yield Row("option", ascii(option)[:40], _option(option))
    for architecture in ARCHITECTURES:
        yield Row("architecture", ascii(architecture)[:40], lambda folder, a=architecture: command("zoo", "show", a))
    for name, content in GENOTYPES.items():
        yield Row("genotype", name, _genotype_file(content))
    for name, place in NO_FILE.items():
        yield Row("genotype", name, _genotype_file(place))
    for name, arguments in COMMANDS.items():
        yield Row("command", name, lambda folder, given=arguments: command(*given))


def _search(text: str) -> Make:
    def make(folder: Path) -> Callable[[], Any]:
        (folder / "config.py").write_text(text, encoding="utf-8")
        return command("search", folder / "config.py", "--dry-run")

    return make


def _pipeline(text: str) -> Make:
    def make(folder: Path) -> Callable[[], Any]:
        (folder / "config.py").write_text(text, encoding="utf-8")
        return command("run", folder / "config.py", "--plan", *_places(folder))

    return make
