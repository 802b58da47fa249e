"""A process with a watchdog of 2 s that lives for 5 s: progresses|reports|stopped|nothing|suspended. It says `lived`.

It progresses, or receives reports that other ranks do, or has stopped the watchdog, or does nothing; or it progresses
until it is suspended, for which it waits.
"""

import signal
import sys
import time

from distributed.monitor import Monitor

way = sys.argv[1]
monitor = Monitor()
monitor.watch(2.0, "--patience")
if way == "stopped":
    monitor.configure(None, None)
    assert signal.SIGTSTP not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
print("began", flush=True)
end = time.monotonic() + 5
while time.monotonic() < end:
    if way in ("progresses", "suspended"):
        monitor.heartbeat("the next tenth of a second")
    elif way == "reports":
        monitor.add_report(0.1)
    time.sleep(0.1)
print("lived")
