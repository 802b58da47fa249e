"""A machine with the GPUs that a test asks for, as NVIDIA's management library would tell of it."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

GIB = 2**30
UNKNOWN, NOT_LOADED, NO_PERMISSION = 999, 9, 4  # NVML's errors
CPU_BUILD, CUDA_BUILD = {"CPU"}, {"CPU", "CUDA"}  # what MXNet is built with
GPUS = {
    "K80": ("Tesla K80", "3.7", 11),
    "M60": ("Tesla M60", "5.2", 8),
    "T4": ("Tesla T4", "7.5", 15),
    "A100": ("NVIDIA A100-SXM4-40GB", "8.0", 40),
    "L4": ("NVIDIA L4", "8.9", 22.5),
    "H100": ("NVIDIA H100 80GB HBM3", "9.0", 80),
    "B200": ("NVIDIA B200", "10.0", 179),
    "RTX 5090": ("NVIDIA GeForce RTX 5090", "12.0", 32),
}


class Features:
    """What MXNet says it was built with."""

    def __init__(self, names):
        self.is_enabled = names.__contains__


def build(folder: Path) -> Path:
    """The folder, with the library in it that NVIDIA's driver would bring."""
    source = Path(__file__).with_name("fake_nvml.c")
    library = Path(folder) / "libnvidia-ml.so.1"
    subprocess.run(["c++", "-x", "c", "-shared", "-fPIC", "-w", "-o", library, source], check=True)
    return folder


def variables(*names: str, fails: str = "", **more: str) -> dict[str, str]:
    """The environment of a machine with these of GPUS; `fails`, "function=code", is what the library cannot do."""
    rows = [f"{name}|{uuid(i)}|{capability}|{int(gib * GIB)}|{part(i)}" for i, (name, capability, gib) in _rows(names)]
    return {"FAKE_NVML_GPUS": "\n".join(rows), "FAKE_NVML_FAILS": fails, **more}


def uuid(index: int) -> str:
    """Of a whole GPU. All of a machine begin with GPU- and their index in three digits."""
    return f"GPU-{index:03}b3c56-0a3e-4f5e-9d0e-2f1c5a6b7c8d"


def part(index: int) -> str:
    """Of the part that MIG cuts off."""
    return f"MIG-{index:03}5f1b2-7b1c-5d8e-8f5a-1c2d3e4f5a6b"


def _rows(names: Sequence[str]) -> list[tuple[int, tuple[str, str, float]]]:
    return [(index, GPUS[name]) for index, name in enumerate(names)]
