"""What a trained network takes and gives, in a file beside its weights: its code, its pixels, its classes."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lenet.atomic import whole_file
from lenet.data.classes import check_class_names
from lenet.data.dataset import Dataset
from lenet.errors import InputError
from lenet.untrusted import read_regular

FILE = "network.json"
LIMIT = 1 << 20  # bytes: a thousand names take less


@dataclass(frozen=True)
class NetworkSpec:
    """The words of a FILE, each of which must be known to use the network."""

    network: str  # as --network names it
    image_shape: tuple[int, int, int]  # (channels, height, width)
    class_names: tuple[str, ...]
    pixel_mean: tuple[float, ...]  # of each channel, of pixels from 0 to 1
    pixel_std: tuple[float, ...]

    @classmethod
    def of(cls, network: str, dataset: Dataset) -> "NetworkSpec":
        """That of a network which is trained on `dataset`."""
        return cls(network, dataset.image_shape, dataset.class_names, dataset.pixel_mean, dataset.pixel_std)

    @classmethod
    def from_json(cls, text: str | bytes, where: str) -> "NetworkSpec":
        """What `to_json` has made. InputError, which begins with `where`: it is anything else, or out of range."""
        try:
            values = json.loads(text)
            lists: dict[str, Any] = {name: tuple(value) for name, value in values.items() if name != "network"}
            found = cls(network=values["network"], **lists)
            is_sound = _is_sound(found)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            is_sound = False
        if not is_sound:
            raise InputError(f"{where}: it is not the description of a network that a run has written")
        check_class_names(found.class_names, where)
        return found

    def to_json(self) -> str:
        """As `from_json` reads it."""
        return json.dumps(asdict(self), indent=1) + "\n"

    def write(self, folder: Path) -> None:
        """Write the FILE in `folder`. OSError: the disk refuses."""
        with whole_file(folder / FILE) as place:
            place.write_text(self.to_json(), encoding="utf-8")


def read_network_spec(folder: Path) -> NetworkSpec | None:
    """The NetworkSpec in the FILE of `folder`; None where there is none. InputError: it cannot be such a file."""
    path = folder / FILE
    try:
        return NetworkSpec.from_json(read_regular(path, LIMIT), str(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def _is_sound(found: NetworkSpec) -> bool:
    """Has every value its type and its range? Names are checked elsewhere."""
    channels, *lengths = found.image_shape
    numbers: tuple[Any, ...] = (*found.pixel_mean, *found.pixel_std)
    return (
        type(found.network) is str
        and all(type(each) is int for each in found.image_shape)
        and len(lengths) == 2
        and 1 <= channels <= 4
        and all(1 <= each <= 1 << 16 for each in lengths)
        and all(type(each) is str for each in found.class_names)
        and all(type(each) is float and math.isfinite(each) for each in numbers)
        and len(found.pixel_mean) == len(found.pixel_std) == channels
        and min(found.pixel_std) > 0
    )
