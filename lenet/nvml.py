"""The NVIDIA GPUs that CUDA shows this process, as NVIDIA's management library (NVML) tells of them."""

import os
from dataclasses import dataclass

# Of MXNet 1.9.1's CUDA builds. They hold nothing that a driver could translate for other GPUs. Code for a compute
# capability runs on GPUs of the same first number and at least the second: 5.0 to 8.9 in all.
MACHINE_CODE = ((5, 0), (6, 0), (7, 0), (8, 0), (8, 6))


@dataclass(frozen=True)
class GPU:
    """One GPU, or the part of one that MIG cuts off."""

    index: int  # as nvidia-smi has it
    name: str
    capability: tuple  # (major, minor)
    memory: int | None  # bytes; None where NVML does not tell

    @property
    def is_supported(self):
        """Has MXNet machine code for it?"""
        return any(self.capability[0] == major and self.capability[1] >= minor for major, minor in MACHINE_CODE)

    def __str__(self):
        memory = [] if self.memory is None else [f"{self.memory / 2**30:.1f} GiB"]
        capability = "compute capability {}.{}".format(*self.capability)
        return f"GPU {self.index} ({', '.join([self.name, *memory, capability])})"


@dataclass(frozen=True)
class Host:
    """What NVML tells of this host."""

    gpus: tuple = ()  # those that CUDA shows this process, in its order
    driver: str = "none"
    problem: str = ""  # why NVML does not tell


def look():
    """The Host; no GPUs where there is no driver. NVML starts nothing on a GPU, and a GPU can do without it."""
    import pynvml

    try:
        pynvml.nvmlInit()
        driver = pynvml.nvmlSystemGetDriverVersion()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        gpus = tuple(_read(pynvml, *pair) for pair in _visible(pynvml, handles))
        pynvml.nvmlShutdown()
    except (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded):
        return Host()
    except (pynvml.NVMLError, UnicodeError) as error:
        return Host(problem=f"NVML fails: {error}")
    order = os.environ.get("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    if len(handles) > 1 and order != "PCI_BUS_ID":
        return Host(driver=driver, problem=f"CUDA_DEVICE_ORDER={order} does not number the GPUs as NVML does")
    return Host(gpus, driver)


def _visible(pynvml, handles):
    """The pairs (handle, handle of the whole GPU) that CUDA_VISIBLE_DEVICES names, up to its first name of nothing."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES")
    if names is None:
        return [(handle, handle) for handle in handles]
    found = []
    for name in names.split(","):
        pair = _named(pynvml, handles, name.strip())
        if pair is None:
            break
        found.append(pair)
    return found


def _named(pynvml, handles, name):
    """The pair for an index, for the start of a GPU's UUID, for the UUID of a part that MIG cuts off; or None."""
    if name.startswith("MIG-"):
        try:
            part = pynvml.nvmlDeviceGetHandleByUUID(name)
        except (pynvml.NVMLError_NotFound, pynvml.NVMLError_InvalidArgument):
            return None
        return part, pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(part)
    if name.startswith("GPU-"):
        matches = [handle for handle in handles if pynvml.nvmlDeviceGetUUID(handle).startswith(name)]
    else:
        matches = handles[int(name) :][:1] if name.isascii() and name.isdigit() else []
    return (matches[0], matches[0]) if len(matches) == 1 else None


def _read(pynvml, handle, whole):
    """The GPU of a handle; a part has its own name and memory."""
    try:
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle).total
    except pynvml.NVMLError:  # where MIG is on, only root is told; where host and GPU share memory, nobody
        memory = None
    capability = tuple(pynvml.nvmlDeviceGetCudaComputeCapability(whole))
    return GPU(pynvml.nvmlDeviceGetIndex(whole), pynvml.nvmlDeviceGetName(handle), capability, memory)
