"""The fingerprint of a process: what the bits of a result depend on besides config and data."""

import hashlib
import os
import re
from pathlib import Path

import mxnet as mx
import numpy as np

from lenet.config import Config

ROOT = Path(__file__).resolve().parent.parent.parent
VECTORS = ("sse4_1", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "amx_bf16")


def fingerprint(config: Config, device_kind: str, is_native: bool = False) -> dict[str, str]:
    """What must be the same in all processes of a job, as text by name: code, and for exact sums what computes.

    What lenet/native computes has the same bits on every processor, with every C library and version of NumPy.
    """
    facts = {"the code": code_version() if is_native else f"{code_version()} ({package_versions()})"}
    if config.exchange == "exact" and is_native:
        facts["the device"] = "native"
    elif config.exchange == "exact":
        facts["the processor"] = processor()
        facts["the C library"] = os.confstr("CS_GNU_LIBC_VERSION") or "unknown"  # its exp and log are in the loss
        facts["the device"] = device_kind
        facts["the number of threads"] = os.environ.get("OMP_NUM_THREADS", "")
        facts["MXNET_MKLDNN_ENABLED"] = os.environ.get("MXNET_MKLDNN_ENABLED", "1")  # oneDNN's kernels, or MXNet's own
    return facts


def code_version() -> str:
    """SHA-256, in short, of the project's Python and C++ files."""
    digest = hashlib.sha256()
    for pattern in ("train.py", "lenet/**/*.py", "lenet/native/*.?pp", "distributed/**/*.py"):
        for path in sorted(ROOT.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def package_versions() -> str:
    """The versions of the packages that compute where native code does not."""
    return f"mxnet {mx.__version__}, numpy {np.__version__}"


def processor() -> str:
    """The kind of processor, which decides the kernels: maker, family and model, vector instructions."""
    try:
        text = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return "unknown"
    values = dict(re.findall(r"^([^\t:]+)\t*: (.*)$", text, re.MULTILINE))
    flags = set(values.get("flags", "").split())
    kind = [values.get(name, "?") for name in ("vendor_id", "cpu family", "model")]
    return " ".join([*kind, "with", *(name for name in VECTORS if name in flags)])
