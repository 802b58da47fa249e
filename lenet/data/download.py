"""Download Fashion-MNIST into a folder: once per machine, verified and atomic."""

import fcntl
import http.client
import os
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from lenet.atomic import PARTIAL, whole_file
from lenet.data import idx
from lenet.errors import InputError

ADDRESSES = (  # tried in turn for each file
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
)
# SHA-256 of the unzipped files, which does not change when they are zipped again, as Debian does.
DIGESTS = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
TIMEOUT = 20  # seconds without a byte
MAX_BYTES = 64 << 20  # of one file; the largest real one has 26 million
Heartbeat = Callable[[str], None]  # called with what is waited for
OTHER_WAYS = "install Debian's package (apt-get install dataset-fashion-mnist) or name a folder with --data-dir"


class Unavailable(Exception):
    """A file cannot be downloaded; the text says why."""


def fetch(
    folder: Path,
    addresses: Sequence[str] = ADDRESSES,
    digests: Mapping[str, str] = DIGESTS,
    *,
    heartbeat: Heartbeat = lambda waiting_for: None,
) -> None:
    """Download those of the four files that are not in the folder yet.

    One process of a machine downloads and the others wait for it. Proxies are taken from the
    environment. `heartbeat` is called while bytes arrive, here or in the process that downloads.
    InputError: a file cannot be downloaded; the text names the addresses and the alternatives.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / ".download.lock", "w") as lock:
            _take(lock, heartbeat)

            def note_bytes(waiting_for: str) -> None:
                heartbeat(waiting_for)
                os.utime(lock.fileno())  # for those who wait for the lock

            if not all(idx.find(folder, name) for name in digests):
                _complete(folder, addresses, digests, note_bytes)
    except Unavailable as error:
        raise InputError(f"cannot download the data set to {folder}: {error}; {OTHER_WAYS}") from error
    except OSError as error:
        raise InputError(f"cannot write the data set to {folder}: {error.strerror}; {OTHER_WAYS}") from error


def _take(lock: TextIO, heartbeat: Heartbeat) -> None:
    """Take the lock, waiting while another process downloads. The kernel releases it when its process ends."""
    changed = 0.0
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            last, changed = changed, os.fstat(lock.fileno()).st_mtime
            if changed != last:
                heartbeat(f"the download of another process, which holds {lock.name}")
            time.sleep(0.1)


def _complete(folder: Path, addresses: Sequence[str], digests: Mapping[str, str], heartbeat: Heartbeat) -> None:
    for left_over in folder.glob(f".*{PARTIAL}"):  # by a process that was killed: the lock is ours
        left_over.unlink()
    missing = []
    for name, digest in digests.items():
        path = idx.find(folder, name)
        if path is None:
            missing.append(name)
        elif _sha256(path) != digest:  # beside the original files it would look right and be wrong
            raise Unavailable(f"{path} is not the original file, remove it")
    for name in missing:
        _obtain(folder / f"{name}.gz", addresses, digests[name], heartbeat)


def _obtain(path: Path, addresses: Sequence[str], digest: str, heartbeat: Heartbeat) -> None:
    """Download a file from the first address that has the right one."""
    reasons = []
    for address in addresses:
        try:
            _store(path, _get(f"{address}{path.name}", heartbeat), digest)
            return
        except Unavailable as error:
            reasons.append(f"{address}{path.name}: {error}")
    raise Unavailable("; ".join(reasons))


def _get(url: str, heartbeat: Heartbeat) -> bytes:
    """Return the content of the file at the address."""
    content = bytearray()
    heartbeat(f"the download of {url}")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
            size = int(response.headers.get("Content-Length") or 0)
            name = url.rsplit("/", 1)[-1]
            with tqdm(total=size or None, desc=name, unit="B", unit_scale=True, disable=None) as bar:
                while len(content) <= MAX_BYTES:
                    chunk = response.read(1 << 16)
                    if not chunk:
                        break
                    content += chunk
                    bar.update(len(chunk))
                    heartbeat(f"the download of {url}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unavailable(str(error)) from error
    if len(content) > MAX_BYTES:
        raise Unavailable(f"sends more than {MAX_BYTES} bytes")
    if len(content) < size:
        raise Unavailable(f"was cut off after {len(content)} of {size} bytes")
    return bytes(content)


def _store(path: Path, content: bytes, digest: str) -> None:
    """Write the file if its digest is right."""
    try:
        with whole_file(path) as partial:
            partial.write_bytes(content)
            if _sha256(partial) != digest:
                raise Unavailable("serves another file than the one expected")
    except InputError as error:
        raise Unavailable(f"serves no IDX file: {error}") from error


def _sha256(path: Path) -> str:
    """Return the SHA-256 of the unzipped file. InputError: it is not an IDX file."""
    return idx.sha256(idx.read(path))
