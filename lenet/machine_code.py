"""The GPUs that an installed library has machine code for, as its file tells.

NVIDIA's compiler puts a "fat binary" into the section `.nv_fatbin` of an ELF file: containers, each of a header and of
entries, which are a cubin (machine code) or PTX (for a driver to translate) for one compute capability. The headers
alone are read: for the 197 containers of a library of 900 MB that takes milliseconds.
"""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Capability = tuple[int, int]  # (major, minor)
ELF_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian
ELF_SECTIONS = struct.Struct("<Q 10x 3H"), 0x28  # where the section headers stand; their size, number, the one of names
SECTION = struct.Struct("<I 20x 2Q")  # name, offset, size
CONTAINER = struct.Struct("<I 2x H Q")  # magic, size of this header, size of what follows it
CONTAINER_MAGIC = 0xBA55ED50
ENTRY = struct.Struct("<H 2x I Q 12x I")  # kind, size of this header, size of what follows it, 10 major + minor
PTX, CUBIN = 1, 2
ALIGNMENT = 8  # bytes, of containers


@dataclass(frozen=True)
class MachineCode:
    """The compute capabilities that a library has cubins and PTX for."""

    cubins: frozenset[Capability] = frozenset()
    ptx: frozenset[Capability] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.cubins or self.ptx)

    def __str__(self) -> str:
        parts = [("machine code for", self.cubins), ("PTX for", self.ptx)]
        texts = [f"{what} {', '.join(f'{a}.{b}' for a, b in sorted(those))}" for what, those in parts if those]
        return " and ".join(texts) or "no machine code"

    def runs_on(self, capability: Capability) -> bool:
        """A cubin runs on GPUs of the same first number and at least the second, PTX on all that are not older."""
        has_cubin = any(major == capability[0] and minor <= capability[1] for major, minor in self.cubins)
        return has_cubin or any(each <= capability for each in self.ptx)


def read_machine_code(path: str | Path) -> MachineCode:
    """What is in the library `path`: nothing if it was built without CUDA, or is laid out in a way not known here.

    OSError: it cannot be read.
    """
    found: dict[int, set[Capability]] = {PTX: set(), CUBIN: set()}
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as content:
        try:
            for begin, end in _sections(content, b".nv_fatbin"):
                for kind, capability in _entries(content, begin, end):
                    found.setdefault(kind, set()).add(divmod(capability, 10))
        except (struct.error, IndexError, ValueError):
            return MachineCode()
    return MachineCode(frozenset(found[CUBIN]), frozenset(found[PTX]))


def _sections(content: mmap.mmap, name: bytes) -> Iterator[tuple[int, int]]:
    """Where each section of this name begins and ends."""
    if content[: len(ELF_MAGIC)] != ELF_MAGIC:
        return
    layout, place = ELF_SECTIONS
    table, size, count, of_names = layout.unpack_from(content, place)
    _, names, _ = SECTION.unpack_from(content, table + of_names * size)
    for number in range(count):
        name_at, begin, length = SECTION.unpack_from(content, table + number * size)
        if content[names + name_at : names + name_at + len(name) + 1] == name + b"\0":
            yield begin, begin + length


def _entries(content: mmap.mmap, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """The kind of each entry of the containers between `begin` and `end`, and its capability, as 86 for 8.6."""
    while begin + CONTAINER.size <= end:
        magic, header, length = CONTAINER.unpack_from(content, begin)
        if magic != CONTAINER_MAGIC:  # between containers
            begin += ALIGNMENT
            continue
        entry, begin = begin + header, begin + header + length
        while entry + ENTRY.size <= begin:
            kind, header, length, capability = ENTRY.unpack_from(content, entry)
            yield kind, capability
            entry += header + length or ALIGNMENT
