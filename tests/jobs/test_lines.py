"""Every line is written in one piece, also where Python does not buffer; leaving the debugger is one line."""

import os
import socket
import subprocess
import sys

import pytest

from tests.support.run_jobs import ROOT, clean_environment, program
from tests.support.terminals import on_a_terminal, what_stays


def pieces(words, unbuffered):
    """What `python WORDS…` writes, each write a piece: datagrams keep them apart."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    environment = {**clean_environment(), "PYTHONUNBUFFERED": unbuffered}
    with ours, theirs:
        subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, stdout=theirs, stderr=theirs, timeout=120)
        ours.setblocking(False)
        found = []
        try:
            while True:
                found.append(os.read(ours.fileno(), 65_536).decode())
        except BlockingIOError:
            return found


@pytest.mark.parametrize("unbuffered", ["1", ""])
def test_a_line_is_one_write(unbuffered):
    assert pieces(program("count_writes"), unbuffered) == [
        "a line of the log\n",
        "a warning\n",
        "error: what is wrong\n",
    ]


def test_an_unknown_option_is_one_write():
    (piece,) = pieces(["train.py", "--epoch", "3"], "1")
    assert piece.startswith("error: ")
    assert piece.endswith("\n")
    (piece,) = pieces(["-m", "lenet", "sow"], "1")
    assert piece.startswith("error: ")


def test_leaving_the_debugger_is_one_line(options, tmp_path):
    words = [*program("pdb_in_step"), *options, "--output-dir", tmp_path / "run", "--debug"]
    written = on_a_terminal(words, typed="q\n", code=1)
    after = what_stays(written.partition("(Pdb)")[2])
    assert [line for line in after if "error" in line or "Traceback" in line] == after[-1:]
    assert after[-1] == f"error: rank 0 of 1 on {socket.gethostname()}: the debugger was left"
