"""The names of a data set's classes: from classes.txt beside the images, or the numbers of the labels."""

from collections.abc import Sequence
from pathlib import Path

from lenet.errors import InputError, shorten
from lenet.untrusted import read_regular

FILE = "classes.txt"  # one name a line, the first for label 0
MAX_CLASSES = 1000
MAX_NAME = 100  # characters
LIMIT = 4 * (MAX_NAME + 1) * MAX_CLASSES  # bytes of the file; a character has 4 in UTF-8 at most


def read_class_names(folder: Path) -> tuple[str, ...] | None:
    """Return the names in the folder's classes.txt, or None without that file. InputError: it is not valid."""
    path = folder / FILE
    try:
        lines = read_regular(path, LIMIT).decode("utf-8").splitlines()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not text in UTF-8; it holds the name of a class in each line") from None
    names = tuple(line.strip() for line in lines)
    while names and not names[-1]:  # empty lines at the end
        names = names[:-1]
    check_class_names(names, str(path))
    return names


def check_class_names(names: Sequence[str], where: str) -> None:
    """Raise InputError, which begins with `where`, unless there are 2 to MAX_CLASSES short, printable, unique names."""
    if not 2 <= len(names) <= MAX_CLASSES:
        raise InputError(f"{where}: names {len(names)} classes; a data set has 2 to {MAX_CLASSES:,}")
    for number, name in enumerate(names):
        if not name or len(name) > MAX_NAME or not name.isprintable():
            why = "is empty" if not name else f"is not one of 1 to {MAX_NAME} printable characters: {shorten(name)}"
            raise InputError(f"{where}: the name of class {number} {why}")
    if len(set(names)) < len(names):
        twice = next(name for number, name in enumerate(names) if name in names[:number])
        raise InputError(f"{where}: {shorten(twice)} stands there twice")


def numbered(classes: int) -> tuple[str, ...]:
    """Return names for `classes` classes of which only the labels are known."""
    return tuple(str(label) for label in range(classes))
