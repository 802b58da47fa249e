"""What an agent runs in its tests: the first process does the first of the words argv[2:], the next one the next.

Words: `commit` commits a state; `starts` notes that it joins a world; `wait` waits for a signal; `again`, `kill`,
`abort` or a number end the process.
Each process writes a file into the folder argv[1], named after its number: its rank, size and process id, and the state
that it found.
"""

import json
import os
import signal
import sys
from pathlib import Path

from distributed.elastic.memory import DESCRIPTOR, Memory
from distributed.exit_codes import RESTART

folder, words = Path(sys.argv[1]), sys.argv[2:]
number = len(list(folder.iterdir()))
memory = Memory(int(os.environ[DESCRIPTOR]))
state = memory.committed()
facts = {"rank": os.environ["HOROVOD_RANK"], "size": os.environ["HOROVOD_SIZE"], "process": os.getpid()}
(folder / "new").write_text(json.dumps({**facts, "state": state and state.decode()}))
(folder / "new").rename(folder / f"{number}")
for word in words[number].split():
    if word == "commit":
        memory.commit(f"state {number}".encode())
    elif word == "starts":
        memory.head.is_starting = True
    elif word in ("kill", "abort"):
        os.kill(os.getpid(), signal.SIGKILL if word == "kill" else signal.SIGABRT)
    elif word == "wait":
        signal.pause()
    else:
        os._exit(RESTART if word == "again" else int(word))
