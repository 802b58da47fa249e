"""The compiled library of lenet5.cpp: which kind of vectors this processor has, and is it of this source."""

import ctypes
import functools
import hashlib
import os
import platform
import sys
from pathlib import Path

from lenet.errors import InputError, shorten

VARIABLE = "LENET_VECTORS"
# The flags in /proc/cpuinfo that each kind of vectors needs, the fastest kind first; as launch/setup.sh builds them.
KINDS: dict[str, dict[str, tuple[str, ...]]] = {
    "x86_64": {"avx512": ("avx512f", "avx512dq", "avx512bw", "avx512vl", "fma"), "avx2": ("avx2", "fma")},
    "aarch64": {"neon": ()},
}
SOURCES = ("lenet5.cpp", "workers.hpp", "build.sh")


def choose_kind(wanted: str | None = None, machine: str | None = None, cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The kind of vectors to compute with: `wanted`, by default the environment's, or the fastest that there is.

    InputError: there is no such kind, or this processor does not have it.
    """
    wanted = os.environ.get(VARIABLE) if wanted is None else wanted
    machine = machine or platform.machine()
    flags = _processor_flags(cpuinfo)
    missing = {kind: [each for each in needed if each not in flags] for kind, needed in KINDS.get(machine, {}).items()}
    if wanted:
        if wanted not in (every := [kind for kinds in KINDS.values() for kind in kinds]):
            raise InputError(f"{VARIABLE}={shorten(wanted)}: {', '.join(every)} are known")
        if wanted not in missing:
            raise InputError(f"{VARIABLE}={wanted}: this processor is {machine}")
        if missing[wanted]:
            raise InputError(f"{VARIABLE}={wanted}: this processor has no {', '.join(missing[wanted])}")
        return wanted
    for kind, lacks in missing.items():
        if not lacks:
            return kind
    raise InputError(f"lenet5 needs an x86-64 processor with AVX2 and FMA, or ARM64; this one is {machine} without")


def _processor_flags(cpuinfo: Path) -> set[str]:
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())


def source_digest() -> str:
    """The SHA-256 of the C++ code and of the way in which it is compiled, as build.sh computes it."""
    folder = Path(__file__).parent
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in SOURCES)).hexdigest()


@functools.cache
def load_library() -> ctypes.CDLL:
    """The library for this processor. InputError: it is missing, or was built from other source."""
    kind = choose_kind()
    return open_library(Path(sys.prefix) / "lib" / "lenet-native" / f"lenet5-{kind}.so", kind)


def open_library(path: Path, kind: str) -> ctypes.CDLL:
    """The library in the file `path`. InputError: it is missing, or is not of this kind and source."""
    try:
        library = ctypes.CDLL(os.fspath(path))
    except OSError as error:
        raise InputError(f"{path} cannot be loaded; launch/setup.sh builds it: {error}") from None
    library.lenet_description.restype = ctypes.c_char_p
    library.lenet_copy.restype = ctypes.c_void_p
    library.lenet_copy.argtypes = ctypes.c_void_p, ctypes.c_size_t
    if library.lenet_description().decode() != f"{kind} {source_digest()}":
        raise InputError(f"{path} was built from other source than lenet/native has; launch/setup.sh builds it anew")
    return library
