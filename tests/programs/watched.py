"""A process with a watchdog of 2 s that lives for 5 s: moves|heard|stopped|nothing|suspended. It says `lived`.

It moves, or hears that other ranks do, or has stopped the watchdog, or does nothing; or it moves until somebody
suspends it, for which it waits.
"""

import signal
import sys
import time

from distributed.watchdog import Watchdog

way = sys.argv[1]
watchdog = Watchdog(2.0, "--patience")
if way == "stopped":
    watchdog.stop()
    assert signal.SIGTSTP not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
print("began", flush=True)
end = time.monotonic() + 5
while time.monotonic() < end:
    if way in ("moves", "suspended"):
        watchdog.heartbeat("the next tenth of a second")
    elif way == "heard":
        watchdog.heard.append(0.1)
    time.sleep(0.1)
print("lived")
