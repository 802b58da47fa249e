"""Commands on a terminal of their own, which is drawn in memory as a person would see it."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from typing import Any

from tests.support.run_jobs import ROOT, clean_environment


def on_a_terminal(
    words: Sequence[Any], columns: int = 110, typed: str = "", launcher: Sequence[str] = (), code: int = 0
) -> str:
    """What `LAUNCHER python WORDS…` writes on a terminal of so many columns; it must end with `code`."""
    own, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 30, columns, 0, 0))
    os.write(own, typed.encode())
    command = [*launcher, sys.executable, *map(str, words)]
    environment = clean_environment()
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        written = b""
        try:
            while part := os.read(own, 65_536):
                written += part
        except OSError:  # how a terminal ends on Linux
            process.wait()
        finally:
            process.kill()
    os.close(own)
    assert process.returncode == code, written
    return written.decode()


def drawings(written: str) -> list[str]:
    """Each state of each line that was drawn, in order, without what erases it."""
    return [part.rstrip() for part in re.split(r"[\r\n]+", written) if part.strip()]


def what_stays(written: str) -> list[str]:
    """The lines that are seen at the end: what a carriage return is followed by overwrites what stood there."""
    lines = []
    for line in written.replace("\r\n", "\n").split("\n"):
        seen = ""
        for part in line.split("\r"):
            seen = part + seen[len(part) :]
        lines.append(seen.rstrip())
    return [line for line in lines if line]
