"""train.py, whose data set takes rank 1 longer than any patience, though it moves all the time: SECONDS OPTIONS."""

import sys
import time

from lenet.data import fashion_mnist
from tests.programs.patched_train import rank, run_train

load = fashion_mnist.load
seconds, *options = sys.argv[1:]


def load_slowly(data_dir, heartbeat):
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        heartbeat("the next bytes")
        time.sleep(0.2)
    return load(data_dir, heartbeat)


if rank() == 1:
    fashion_mnist.load = load_slowly
run_train(options)
