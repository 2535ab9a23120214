"""Find and read configs: mmengine's Python configs, one file for each protocol, named by its path."""

from __future__ import annotations

import ast
import contextlib
import difflib
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from backbones.errors import InputError
from search.bases import named_bases

#: Names of the embedded data sets (`bench.digits`), which a config's key `embedded` asks for.
Embedded = Literal["digits", "digits_study"]

#: Environment variables that configs use as `{{$NAME:default}}`, with their defaults.
DATA_VARIABLES = {"WILDNAS_DATA": "data", "WILDNAS_DIGITS": "work/digits", "WILDNAS_DIGITS_STUDY": "work/digits_study"}

#: The longest name of a user's own config; with a seed and a digest added, it must still fit an architecture's name.
LONGEST_NAME = 80

SchemaT = TypeVar("SchemaT", bound="Schema")


class Schema(BaseModel):
    """Base of the config schemas; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class LoadedConfig:
    """A config file as read, with options merged in.

    Attributes:
        name: its path under `configs/` without the suffix; for a file elsewhere, `local-<folder>-<file>`.
        path: the file.
        values: plain Python values (dicts, lists, numbers, strings, booleans, None).
        options: the `key=value` options that changed a value.
    """

    name: str
    path: Path
    values: dict[str, Any]
    options: tuple[str, ...]

    def protocol(self, kind: str) -> str:
        """The name under which runs of this config are recorded, `<kind>/…`."""
        return self.name if self.name.startswith(f"{kind}/") else f"{kind}/{self.name}"


def data_folder(variable: str) -> str:
    """The folder that a variable of `DATA_VARIABLES` is set to, or its default."""
    return os.environ.get(variable, DATA_VARIABLES[variable])


def config_root() -> Path:
    """The folder of the configs: `configs/` in a checkout, `bench/configs/` in an installation."""
    beside_packages = Path(__file__).resolve().parents[1]
    installed = beside_packages / "bench" / "configs"
    return installed if installed.is_dir() else beside_packages / "configs"


def config_names(*kinds: str) -> list[str]:
    """Names of all configs in wildnas, or of some kinds (`search`, `detection`, `pipelines`, …)."""
    root = config_root()
    files = (path.relative_to(root) for path in root.rglob("*.py") if "_base_" not in path.parts)
    names = sorted(path.with_suffix("").as_posix() for path in files if path.name != "__init__.py")
    return [name for name in names if not kinds or name.partition("/")[0] in kinds]


def find_config(name: str, kinds: Sequence[str] = ()) -> Path:
    """Find the file of a config by name (`pipelines/digits`) or by path (`my/config.py`).

    Raises:
        InputError: the config does not exist; says the nearest name of these kinds.
    """
    if name.endswith(".py"):
        path = Path(name)
        if not path.is_file():
            raise InputError(f"{name}: no such config file")
        return path
    path = config_root() / f"{name}.py"
    if name in config_names():
        return path
    raise InputError(f"{name}: no such protocol or config; {nearest(name, config_names(*kinds))}")


def load_config(name: str, options: Sequence[str] = (), kinds: Sequence[str] = ()) -> LoadedConfig:
    """Read a config with its `_base_` files and merge `key=value` options into it.

    Args:
        kinds: the kinds of config whose names are suggested for an unknown one; none is all.

    Raises:
        InputError: the config does not exist or does not load, or an option is not `key=value`.
    """
    from mmengine.config import Config

    path = find_config(name, kinds)
    _confirm_ends(path)
    try:
        with _quiet(), named_bases(_named):
            config = Config.fromfile(str(path))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # A config is Python code, and may raise anything.
        raise InputError(f"{path}: cannot be read as a config: {_words(error)}") from error
    values = _plain_values(config, path)
    effective = []
    for option in options:
        key, value = parse_option(option)
        try:
            config.merge_from_dict({key: value})
        except (ArithmeticError, AssertionError, LookupError, TypeError, AttributeError, ValueError) as error:
            raise InputError(f"{path}: option {option}: {_words(error)}") from error
        before, values = values, _plain_values(config, path)
        # An option that does not change a value does not mark a run.
        if values != before:
            effective.append(option)
    if not isinstance(values.get("task"), (str, NoneType)):
        raise InputError(f"{path}: task={str(values['task'])[:60]}: expected the name of a task")
    return LoadedConfig(_name(path), path, values, tuple(effective))


def _named(name: str) -> Path | None:
    """The file of a config in wildnas by name, or None."""
    return config_root() / f"{name}.py" if name in config_names() else None


def _confirm_ends(path: Path, above: tuple[Path, ...] = ()) -> None:
    """Check that no config inherits itself, which mmengine would follow for minutes, and that no value is a function.

    Raises:
        InputError: names the file, and the key of a function.
    """
    path = path.resolve()
    if path in above:
        raise InputError(f"{above[0]}: inherits itself: _base_ leads back to {path}")
    try:
        statements = ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError, MemoryError, RecursionError):
        # mmengine reports it.
        return
    for statement in statements:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Lambda):
            # mmengine drops functions, so that the value of a base would silently remain.
            key = ast.unparse(statement.targets[0])
            raise InputError(f"{path}: key {key!r}: is a function; expected a number, a text, a list or a dict")
        named = isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "_base_"
        value = statement.value if named and isinstance(statement, ast.Assign) else None
        for base in value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]:
            if isinstance(base, ast.Constant) and isinstance(base.value, str) and "::" not in base.value:
                _confirm_ends(_named(base.value) or path.parent / base.value, (*above, path))


def _plain_values(config: Any, path: Path) -> dict[str, Any]:
    """Convert a config to plain values.

    Raises:
        InputError: a value cannot be written to a record, such as a function or an object.
    """
    try:
        values: dict[str, Any] = plain(config.to_dict())
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as a config: {_words(error)}") from error
    _confirm_plain(values, "", path)
    return values


def _confirm_plain(value: Any, key: str, path: Path) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            _confirm_plain(item, f"{key}.{name}" if key else name, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _confirm_plain(item, f"{key}.{index}", path)
    elif not isinstance(value, (str, int, float, NoneType)):
        raise InputError(f"{path}: key {key!r}: is a {type(value).__name__}; expected numbers, texts, lists and dicts")
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise InputError(f"{path}: key {key!r}: the number is too large; expected 18 digits at most")


def _words(error: BaseException) -> str:
    """Describe an error in one line, by its type if it has no text."""
    text = " ".join(str(error).split())[:300]
    if isinstance(error, SystemExit):
        return f"it calls sys.exit({text}); a config may only set values"
    return text or type(error).__name__


def _name(path: Path) -> str:
    resolved = path.resolve()
    if resolved.is_relative_to(config_root()):
        return resolved.relative_to(config_root()).with_suffix("").as_posix()
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", f"local-{resolved.parent.name}-{resolved.stem}")
    if len(name) > LONGEST_NAME:
        longest = f"expected {LONGEST_NAME - 7} characters at most"
        raise InputError(f"{path}: folder and file name together are too long; {longest}")
    return name


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress mmengine's messages about variables on standard output, which is for results."""
    from mmengine.config import config as reader

    original = reader.print_log

    def warnings_only(msg: str, logger: Any = None, level: int = logging.INFO) -> None:
        if level >= logging.WARNING:
            original(msg, logger, level)

    # Patched, because a logger of mmengine's remembers which levels were enabled, so that `logging.disable` may have no
    # effect, and because to make one takes torch, and seconds.
    reader.print_log = warnings_only
    try:
        yield
    finally:
        reader.print_log = original


def parse_option(option: str) -> tuple[str, Any]:
    """Split `stages.0.epochs=3` into key and value; a value that is not a Python literal is text."""
    key, equals, text = option.partition("=")
    if not equals or not key:
        raise InputError(f"option {option}: expected key=value, such as epochs=10")
    try:
        return key, ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return key, text
    except (TypeError, MemoryError, RecursionError) as error:
        # For example a list as the key of a dict, or a text nested too deeply.
        raise InputError(f"option {option[:100]}: {str(error) or 'too deeply nested'}") from error


def plain(value: Any) -> Any:
    """Convert mappings to dicts and sequences to lists, so that JSON does not change the value."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, range)):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, type) or callable(value):
        named = value if hasattr(value, "__qualname__") else type(value)
        return f"{named.__module__}.{named.__qualname__}"
    return value


def portable(value: Any) -> Any:
    """Replace this machine's data folders in a config by the names of their variables."""
    if isinstance(value, Mapping):
        return {key: portable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [portable(item) for item in value]
    if isinstance(value, str):
        for variable in DATA_VARIABLES:
            root = data_folder(variable).rstrip("/")
            if value == root or value.startswith(f"{root}/"):
                # The variable may end in a slash that the config repeats.
                return f"${variable}{re.sub('^/+', '/', value[len(root) :])}"
    return value


def parse(schema: type[SchemaT], values: Mapping[str, Any], where: str) -> SchemaT:
    """Validate values by a schema.

    Raises:
        InputError: names `where`, the key, the problem and, for an unknown key, the nearest known one.
    """
    _refuse_truth_values(schema, values, where)
    try:
        return schema.model_validate(dict(values))
    except ValidationError as error:
        raise InputError(f"{where}: {first_problem(error, schema)}") from error


def _refuse_truth_values(schema: type[BaseModel], values: Mapping[str, Any], where: str, key: str = "") -> None:
    """Refuse True and False for numbers; Python would take True as 1.

    Raises:
        InputError: names the key.
    """
    for name, value in values.items():
        field = schema.model_fields.get(name) if isinstance(name, str) else None
        kinds = _types(field.annotation) if field else []
        if type(value) is bool and bool not in kinds and (int in kinds or float in kinds):
            raise InputError(f"{where}: key '{key}{name}': expected a number (got {value})")
        inner = next((kind for kind in kinds if _is_model(kind)), None)
        if inner is not None and isinstance(value, Mapping) and not any(kind in kinds for kind in (dict, list)):
            _refuse_truth_values(inner, value, where, f"{key}{name}.")


def first_problem(error: ValidationError, schema: type[BaseModel]) -> str:
    """Describe the first problem of a failed validation: the key, what is wrong, what would be right."""
    problem = error.errors()[0]
    location = without_tags(schema, problem["loc"])
    key = ".".join(str(part) for part in location)
    if problem["type"] == "extra_forbidden":
        return f"unknown key {key!r}; {nearest(str(location[-1]), known_keys(schema, problem['loc']))}"
    if problem["type"] == "missing":
        return f"key {key!r} is missing"
    message = problem["msg"].removeprefix("Value error, ")
    if isinstance(problem["input"], Mapping):
        # The message names the keys that do not fit together.
        return f"key {key!r}: {message}" if key else message
    return f"key {key!r}: {message} (got {problem['input']!r})"


def known_keys(schema: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """The keys that a schema has at the location of an unknown one."""
    models = _models_at(schema, location[:-1])
    return sorted(models[0].model_fields) if models else []


def without_tags(schema: type[BaseModel], location: Sequence[int | str]) -> list[int | str]:
    """A location without the tags by which pydantic names the members of a discriminated union."""
    return [
        part
        for place, part in enumerate(location)
        if not any(_has_tag(model, part) for model in _models_at(schema, location[:place]))
    ]


def _models_at(schema: type[BaseModel], location: Sequence[int | str]) -> list[type[BaseModel]]:
    """The schemas that a value at a location may have, most of them one."""
    models = [schema]
    for part in location:
        tagged = [model for model in models if _has_tag(model, part)]
        if tagged:
            models = tagged
        elif not isinstance(part, int):
            fields = [model.model_fields[part] for model in models if part in model.model_fields]
            models = [item for field in fields for item in _types(field.annotation) if _is_model(item)]
    return models


def _has_tag(model: type[BaseModel], part: int | str) -> bool:
    """Whether a part of a location is a schema's `type`, which chooses it in a discriminated union."""
    field = model.model_fields.get("type")
    return field is not None and part in getattr(field.annotation, "__args__", ()) and part not in model.model_fields


def _types(annotation: Any) -> list[Any]:
    arguments = getattr(annotation, "__args__", ())
    return [annotation, *(item for argument in arguments for item in _types(argument))]


def _is_model(item: Any) -> bool:
    return isinstance(item, type) and issubclass(item, BaseModel)


def nearest(name: str, known: Sequence[str]) -> str:
    """Suggest the nearest known name, whose folder may be missing, or list all."""
    bare = {} if "/" in name else {each.rpartition("/")[2]: each for each in reversed(known)}
    close = [bare[each] for each in difflib.get_close_matches(name, bare, n=1)]
    close = close or difflib.get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(known)}" if known else "nothing is known by that name"
