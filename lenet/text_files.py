"""YAML and JSON lines that others may have written, read within bounds."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lenet.errors import InputError, shorten
from lenet.files import read_lines, read_regular

MAX_YAML = 1 << 16  # bytes of a YAML file
MAX_LINE = 1 << 12  # bytes of a line of JSON
MAX_JSON = 1 << 20  # bytes of a file that is one JSON object


class JSONLine(NamedTuple):
    """A line of a file, and the JSON object that it holds; None where it holds none or is not a whole line."""

    text: str
    record: dict[str, Any] | None


def read_json_lines(path: str | Path, limit: int | None = None) -> Iterator[JSONLine]:
    """The lines of a regular file, the first MAX_LINE bytes of each. OSError: as `files.read_lines`."""
    for line in read_lines(path, MAX_LINE, limit):
        text = line.decode("utf-8", errors="replace")
        try:
            record = json.loads(text) if text.endswith("\n") else None
        except (ValueError, RecursionError):
            record = None
        yield JSONLine(text, record if isinstance(record, dict) else None)


def read_json(path: str | Path) -> dict[str, Any]:
    """The JSON object that a regular file of at most MAX_JSON bytes holds. OSError: as `files.read_regular`.

    ValueError: it holds anything else.
    """
    try:
        value = json.loads(read_regular(path, MAX_JSON))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def read_yaml(path: str | Path, named: str) -> dict[Any, Any]:
    """The values by name of a YAML file of `name: value` lines, at most MAX_YAML bytes.

    InputError, which begins with `named`: it cannot be read or holds anything else.
    """
    try:
        text = read_regular(path, MAX_YAML).decode("utf-8")
        _refuse_nesting(yaml.compose(text, yaml.SafeLoader), named)
        return yaml.safe_load(text) or {}
    except OSError as error:
        raise InputError(f"{named}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InputError(f"{named}: not YAML: {' '.join(str(error).split())[:200]}") from None


def _refuse_nesting(node: yaml.Node | None, named: str) -> None:
    """InputError unless a YAML document is `name: value` lines: what refers to itself can grow without end."""
    if node is None:
        return
    if not isinstance(node, yaml.MappingNode):
        kind = "list" if isinstance(node, yaml.SequenceNode) else "str"
        raise InputError(f"{named}: not YAML options: `name: value` lines are needed, not a {kind}")
    names = set()
    for name, value in node.value:
        if not (isinstance(name, yaml.ScalarNode) and isinstance(value, yaml.ScalarNode)):
            raise InputError(f"{named}: {shorten(name.value)}: one value is needed, not a list or a mapping")
        if name.value in names:
            raise InputError(f"{named}: {shorten(name.value)} stands there twice")
        names.add(name.value)
