"""Download a data set: FOLDER ADDRESS LIMIT DIGEST…, with files of at most LIMIT bytes. Says `ready` before."""

import resource
import sys

from lenet.data import download
from lenet.errors import InputError
from tests.support.datasets import NAMES

folder, address, limit, *digests = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
print("ready", flush=True)
try:
    download.fetch(folder, [address], dict(zip(NAMES, digests)))
except InputError as error:
    sys.exit(f"error: {error}")
