"""A rank that writes how the kernel schedules its threads, as JSON, into the folder argv[1]."""

import json
import os
import sys
from pathlib import Path

from distributed import affinity, connect

world = connect()
idle = [thread for thread in affinity.threads() if os.sched_getscheduler(thread) == os.SCHED_IDLE]
cores = {tuple(sorted(os.sched_getaffinity(thread))) for thread in affinity.threads()}
seen = {"idle": len(idle), "main is idle": os.getpid() in idle, "cores": sorted(cores)}
world.barrier()
Path(sys.argv[1], f"{world.rank}.json").write_text(json.dumps(seen))
world.close()
