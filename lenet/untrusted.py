"""Bounded reading of files that others may have written: bytes, lines, JSON and YAML."""

import errno
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import yaml

from lenet.errors import InputError, shorten

MAX_YAML = 1 << 16  # bytes of a YAML file
MAX_LINE = 1 << 12  # bytes of a line of JSON
MAX_JSON = 1 << 20  # bytes of a file that is one JSON object


class JSONLine(NamedTuple):
    """A line of a file, and the JSON object that it holds; None where it holds none or is not a whole line."""

    text: str
    record: dict[str, Any] | None


def read_regular(path: str | Path, limit: int) -> bytes:
    """The content of a regular file of at most `limit` bytes. OSError: it is longer, or a device or a pipe."""
    with _open_regular(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise _too_long(path, limit)
    return content


def read_lines(path: str | Path, longest: int, limit: int | None = None) -> Iterator[bytes]:
    """The lines of a regular file with their line ends. A line of more than `longest` bytes is cut there.

    OSError: the file is a device or a pipe, or has more than `limit` bytes.
    """
    bytes_read, is_rest = 0, False
    with _open_regular(path) as file:
        while part := file.readline(longest):
            bytes_read += len(part)
            if limit is not None and bytes_read > limit:
                raise _too_long(path, limit)
            if not is_rest:
                yield part
            is_rest = not part.endswith(b"\n")


def read_json_lines(path: str | Path, limit: int | None = None) -> Iterator[JSONLine]:
    """The lines of a regular file, the first MAX_LINE bytes of each. OSError: as `read_lines`."""
    for line in read_lines(path, MAX_LINE, limit):
        text = line.decode("utf-8", errors="replace")
        try:
            record = json.loads(text) if text.endswith("\n") else None
        except (ValueError, RecursionError):
            record = None
        yield JSONLine(text, record if isinstance(record, dict) else None)


def read_json(path: str | Path) -> dict[str, Any]:
    """The JSON object that a regular file of at most MAX_JSON bytes holds. OSError: as `read_regular`.

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


def _open_regular(path: str | Path) -> BinaryIO:
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # opening a pipe would wait for its writer
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return open(handle, "rb")
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def _too_long(path: str | Path, limit: int) -> OSError:
    return OSError(errno.EFBIG, f"more than {limit:,} bytes", str(path))
