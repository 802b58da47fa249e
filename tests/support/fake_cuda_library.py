"""A library with machine code for the GPUs that a test asks for: the headers are real, the code is not."""

import struct
from collections.abc import Sequence
from pathlib import Path

PYPI, HOPPER = (50, 60, 70, 80, 86), (70, 80, 86, 90)  # 10 major + minor
NAMES = b"\0.nv_fatbin\0.shstrtab\0"
PTX, CUBIN = 1, 2


def write(path: Path, cubins: Sequence[int], ptx: Sequence[int] = (), containers: int = 2) -> Path:
    """An ELF file of sections 0, .nv_fatbin and .shstrtab, in this order, and nothing that could be loaded."""
    entries = [_entry(CUBIN, each) for each in cubins] + [_entry(PTX, each) for each in ptx]
    body = b"".join(entries)
    container = struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(body)) + body
    fat_binary = (container + bytes(-len(container) % 8) + bytes(8)) * containers
    sections = [(0, 0, 0), (1, 64, len(fat_binary)), (12, 64 + len(fat_binary), len(NAMES))]
    table = b"".join(struct.pack("<IIQQQQIIQQ", name, 1, 0, 0, *place, 0, 0, 1, 0) for name, *place in sections)
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, 62, 1, 0, 0, _end(fat_binary), 0, 64, 0, 0, 64, 3, 2)
    path.write_bytes(head + fat_binary + NAMES + table)
    return path


def _end(fat_binary: bytes) -> int:
    return 64 + len(fat_binary) + len(NAMES)


def _entry(kind: int, capability: int) -> bytes:
    """An entry with a header of 64 bytes, or of 80 as a newer compiler writes it for PTX, and 40 of content."""
    header = 64 if kind == CUBIN else 80
    fields = struct.pack("<HHIQIIHHI", kind, 0x101, header, 40, 37, 0, 7, 1, capability)
    return fields + bytes(header - len(fields)) + b"\x50\xed\x55\xba" * 10  # code can hold anything
