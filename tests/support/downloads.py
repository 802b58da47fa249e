"""What the tests of the download know of folders."""

from lenet.data import idx
from tests.support.datasets import NAMES


def files_of(folder):
    """The files of a folder as a server has them."""
    return {f"/{path.name}": path.read_bytes() for path in folder.glob("*-ubyte*")}


def digests_of(folder):
    """The digests of a data set by file name, as `download.DIGESTS` has those of Fashion-MNIST."""
    return {name: idx.sha256(idx.read(folder / f"{name}.gz")) for name in NAMES}


def content_of(folder):
    """What stands in the folder beside the lock and the names of the classes, which nobody downloads."""
    return {
        path.name: path.read_bytes() for path in folder.iterdir() if path.name not in (".download.lock", "classes.txt")
    }
