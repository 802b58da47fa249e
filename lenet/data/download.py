"""Downloads Fashion-MNIST into a folder: once per machine, checked, and no half file under a final name."""

import fcntl
import hashlib
import http.client
import os
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from lenet.data import idx
from lenet.errors import InputError

TIMEOUT = 20  # seconds without a byte
LARGEST = 64 << 20  # bytes of one file; the largest real one has 26 million
OTHER_WAYS = "install Debian's package (apt-get install dataset-fashion-mnist) or name a folder with --data-dir"


class Edition(NamedTuple):
    """Files that belong together: two editions differ in the order of their images and must not be mixed."""

    addresses: tuple[str, ...]  # tried in turn for each file
    digests: Mapping[str, str]  # file name without .gz: digest
    digest: Callable[[Path], str]


class Unavailable(Exception):
    """An address, or a whole edition, from which a file cannot be had."""


def contents_sha256(path: Path) -> str:
    """SHA-256 of the unzipped file, which stays the same when somebody zips the file anew, as Debian does."""
    return idx.sha256(idx.read(path))


def file_sha1(path: Path) -> str:
    """SHA-1 of the file as it lies there: all that MXNet tells about its copies."""
    return hashlib.sha1(path.read_bytes()).hexdigest()


ORIGINAL = Edition(
    addresses=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    digests={
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    digest=contents_sha256,
)
MXNET = Edition(
    addresses=("https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/gluon/dataset/fashion-mnist/",),
    digests={
        "train-images-idx3-ubyte": "0cf37b0d40ed5169c6b3aba31069a9770ac9043d",
        "train-labels-idx1-ubyte": "236021d52f1e40852b06a4c3008d8de8aef1e40b",
        "t10k-images-idx3-ubyte": "626ed6a7c06dd17c0eec72fa3be1740f146a2863",
        "t10k-labels-idx1-ubyte": "17f9ab60e7257a1620f4ad76bbbaf857c3920701",
    },
    digest=file_sha1,
)
SOURCES = (ORIGINAL, MXNET)


def fetch(folder: Path, sources: Sequence[Edition] = SOURCES) -> None:
    """Completes the four files in the folder, from the first edition that can be had and fits those there.

    One process of a machine downloads; the others wait for it and find the files. Proxies are taken from the
    environment. Raises InputError, which says what was tried and which other ways there are.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / ".download.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # ends with the process, however that ends
            _complete(folder, sources)
    except OSError as error:
        raise InputError(f"cannot write the data set to {folder}: {error.strerror}; {OTHER_WAYS}") from error


def _complete(folder: Path, sources: Sequence[Edition]) -> None:
    if all(idx.find(folder, name) for name in ORIGINAL.digests):
        return
    reasons = []
    for edition in sources:
        try:
            _check_present(folder, edition)
            for name in edition.digests:
                if not idx.find(folder, name):
                    _obtain(folder, name, edition)
            return
        except Unavailable as error:
            reasons.append(str(error))
    raise InputError(f"cannot download the data set to {folder}: {'; '.join(reasons)}; {OTHER_WAYS}")


def _check_present(folder: Path, edition: Edition) -> None:
    """Images of one edition with labels of another would look right and be wrong."""
    for name, digest in edition.digests.items():
        path = idx.find(folder, name)
        if path and edition.digest(path) != digest:
            raise Unavailable(f"{path} does not belong to the files at {edition.addresses[0]}, remove it")


def _obtain(folder: Path, name: str, edition: Edition) -> None:
    """Brings one file, from the first address that serves the right one."""
    reasons = []
    for address in edition.addresses:
        try:
            _store(folder / f"{name}.gz", _get(f"{address}{name}.gz"), edition.digests[name], edition.digest)
            return
        except Unavailable as error:
            reasons.append(f"{address}{name}.gz: {error}")
    raise Unavailable("; ".join(reasons))


def _get(url: str) -> bytes:
    """The whole file at the address."""
    content = bytearray()
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
            size = int(response.headers.get("Content-Length") or 0)
            name = url.rsplit("/", 1)[-1]
            with tqdm(total=size or None, desc=name, unit="B", unit_scale=True, disable=None) as bar:
                while len(content) <= LARGEST:
                    chunk = response.read(1 << 16)
                    if not chunk:
                        break
                    content += chunk
                    bar.update(len(chunk))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unavailable(str(error)) from error
    if len(content) > LARGEST:
        raise Unavailable(f"sends more than {LARGEST} bytes")
    if len(content) < size:
        raise Unavailable(f"was cut off after {len(content)} of {size} bytes")
    return bytes(content)


def _store(path: Path, content: bytes, expected: str, digest: Callable[[Path], str]) -> None:
    """Writes the file if it is the right one. Others see all of it or nothing, also after a power cut."""
    part = path.with_name(f".{path.name}.part")
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if digest(part) != expected:
            raise Unavailable("serves another file than the one expected")
        os.replace(part, path)
    except InputError as error:
        raise Unavailable(f"serves no IDX file: {error}") from error
    finally:
        part.unlink(missing_ok=True)
