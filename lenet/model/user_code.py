"""Run a function of a user's file, with errors that name the line in that file."""

import hashlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from lenet.errors import InputError
from lenet.untrusted import read_regular

MODULE = "_network_of_the_user"
MAX_BYTES = 1 << 22  # of a file of Python


def load_function(path: Path, name: str) -> tuple[Callable[..., Any], str]:
    """Run the file and return its function and the SHA-256 of its code.

    The code is the file and what it imports from its folder. InputError: the file cannot be read, fails, or has no
    such function.
    """
    source = _read(path)
    module = ModuleType(MODULE)
    module.__file__ = str(path)
    sys.modules[MODULE] = module
    folder, before = str(path.resolve().parent), set(sys.modules)
    if folder not in sys.path:
        sys.path.append(folder)  # the last, so that no file there takes the place of a package
    with user_errors(path):
        exec(compile(source, str(path), "exec"), vars(module))  # of these bytes: a cached .pyc could be of others
    function = getattr(module, name, None)
    if not callable(function):
        raise InputError(f"{path}: has no function {name}")
    files = [getattr(sys.modules[each], "__file__", None) for each in set(sys.modules) - before]
    own = sorted(file for file in files if file and os.path.dirname(os.path.realpath(file)) == folder)
    digest = hashlib.sha256(source)
    for file in own:
        digest.update(_read(Path(file)))
    return function, digest.hexdigest()


@contextmanager
def user_errors(path: Path, doing: str = "") -> Iterator[None]:
    """Turn an error of the file's code into an InputError with the innermost line of the file.

    `doing` says what failed, for errors that do not say it.
    """
    try:
        yield
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        kind, text = type(error).__name__, _last_line(error)
        raise InputError(f"{_place(error, path)}: {doing}{kind}: {text.removeprefix(f'{kind}: ')}") from error


def _place(error: BaseException, path: Path) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    if isinstance(error, SyntaxError) and error.filename == str(path):
        lines.append(error.lineno)
    return f"{path}:{lines[-1]}" if lines else str(path)


def _last_line(error: BaseException) -> str:
    """Return an error's text; of MXNet's, which begin with a C++ stack, the last line."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


def _read(path: Path) -> bytes:
    try:
        return read_regular(path, MAX_BYTES)
    except (OSError, ValueError) as error:
        raise InputError(f"--network {path}: {getattr(error, 'strerror', None) or error}") from None
