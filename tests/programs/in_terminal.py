"""Runs a command in a terminal of its own: python -m tests.programs.in_terminal COLUMNS COMMAND…

What is written there goes to standard output. SIGUSR1 presses Ctrl-C. Exit code: the command's.
"""

import fcntl
import os
import pty
import signal
import struct
import sys
import termios

CONTROL_C = b"\x03"


def main(columns: int, command: list[str]) -> int:
    """The exit code of `command`."""
    process, terminal = pty.fork()
    if process == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # who started the tests in the background has it ignored
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.execvp(command[0], command)
    signal.signal(signal.SIGUSR1, lambda number, frame: os.write(terminal, CONTROL_C))
    while text := _read(terminal):
        os.write(sys.stdout.fileno(), text)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _read(terminal: int) -> bytes:
    """What is written next; nothing when nobody has the terminal open any longer."""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        return b""


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
