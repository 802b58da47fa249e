"""Environment variables that MXNet, Open MPI, CUDA and Horovod read, set once before they are loaded."""

import os
import sys
from collections.abc import Mapping, MutableMapping

from distributed.errors import InputError

ENGINES = ("NaiveEngine", "ThreadedEngine", "ThreadedEnginePerDevice")
# For variables that the user has not set. Measured with tests/benchmarks/exchange.py and threads.py.
DEFAULTS = {
    # Steps of a small network are too short for more threads; and the bits do not depend on the number of cores.
    "OMP_NUM_THREADS": "1",
    # Horovod's thread polls for other ranks inside MPI. Without this it takes a core from the network.
    "OMPI_MCA_mpi_yield_when_idle": "1",
    # Milliseconds between two cycles of that thread; Horovod's default is 1.
    "HOROVOD_CYCLE_TIME": "0.5",
    # By default the fastest GPU is CUDA's number 0; NVML and nvidia-smi number GPUs in the order of the bus.
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    # MXNet would print to standard error how it binds a graph.
    "MXNET_SUBGRAPH_VERBOSE": "0",
    # On a GPU: kernels that give the same bits each time, chosen without timing them.
    "MXNET_ENFORCE_DETERMINISM": "1",
    "MXNET_CUDNN_AUTOTUNE_DEFAULT": "0",
    # One random generator on a GPU: with several, a layer's depends on which layers were bound before it.
    "MXNET_GPU_PARALLEL_RAND_COPY": "1",
}


def settle(environment: MutableMapping[str, str] = os.environ) -> None:
    """Set the DEFAULTS of variables that the user has not set. InputError: MXNet cannot use a value."""
    for name, value in DEFAULTS.items():
        environment.setdefault(name, value)
    threads = read_count(environment, "OMP_NUM_THREADS")
    if not threads:
        raise InputError("OMP_NUM_THREADS=0: one thread is the least")
    engine = environment.get("MXNET_ENGINE_TYPE")
    if engine is not None and engine not in ENGINES:
        raise InputError(f"MXNET_ENGINE_TYPE={printable(engine)}: {', '.join(ENGINES)} are MXNet's engines")


def choose_engine(debug: bool) -> None:
    """Make MXNet's engine synchronous for `debug`. InputError: MXNet is loaded already, under a launcher."""
    if not debug:
        return
    if "mxnet" in sys.modules:
        raise InputError("--debug is for one process without a launcher: python train.py --debug")
    os.environ["MXNET_ENGINE_TYPE"] = "NaiveEngine"


def read_count(environment: Mapping[str, str], name: str) -> int | None:
    """The whole number in the variable `name`; None where it is not set. InputError: it is not a number."""
    text = environment.get(name)
    if text is not None and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InputError(f"{name}={printable(text)}: a whole number is needed")
    return None if text is None else int(text)


def printable(text: str) -> str:
    """The text escaped and shortened for an error line."""
    return text.encode("unicode_escape").decode()[:60]
