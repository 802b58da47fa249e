"""The default run has the same bits on every processor: 30 steps of it, of which the SHA-256 is known.

The digest was seen with vectors of 4, 8 and 16 lanes, compiled for AVX2. Another processor, Python, NumPy or C library
has to give it too.
"""

import hashlib

import pytest

from lenet.data.fashion_mnist import DEBIAN_FOLDER
from tests.support.run_jobs import gloo, train, trained

DIGEST = "73a409e763f4c4cce5074c9be4ec2277d1a8a86260fb5cb116a01b8ebe92e31f"
STEPS = 30


@pytest.mark.skipif(not DEBIAN_FOLDER.is_dir(), reason="the package dataset-fashion-mnist is not installed")
@pytest.mark.parametrize(("launcher", "threads"), [([], 1), ([], 2), (gloo(2), 1)], ids=["1-1", "1-2", "gloo-2"])
def test_thirty_steps_have_the_known_digest(tmp_path, launcher, threads):
    folder = train(launcher, tmp_path / "run", "--max-steps", STEPS, "--threads", threads, "--no-tensorboard")
    assert hashlib.sha256(trained(folder)).hexdigest() == DIGEST
