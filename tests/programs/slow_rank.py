"""A rank that needs a second after SIGTERM: FOLDER. It makes `listens` there and writes the count of SIGTERMs."""

import signal
import sys
import time
from pathlib import Path
from types import FrameType

folder = Path(sys.argv[1])
signals = 0


def count(number: int, frame: FrameType | None) -> None:
    global signals
    signals += 1


signal.signal(signal.SIGTERM, count)
(folder / "listens").touch()
while not signals:
    time.sleep(0.01)
end = time.monotonic() + 1
while time.monotonic() < end:
    time.sleep(0.01)
(folder / "signals").write_text(str(signals))
