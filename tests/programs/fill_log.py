"""Log steps into FOLDER until no file may grow any more: a limit on the size of files stands for a full disk."""

import resource
import sys

from lenet.run.metrics_log import MetricsLog
from lenet.run.progress import Progress, Totals

LIMIT = 20_000  # bytes

resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))
log = MetricsLog(sys.argv[1], writes=True, tensorboard=True)
log.open(last_step=0)
for step in range(1, 501):
    log.step(Progress(step=step), loss=0.1 * step, learning_rate=0.1)
    if step % 100 == 0:
        log.epoch(Progress(epoch=step // 100 - 1, step=step), Totals(1.0, 1, 2), Totals(1.0, 1, 2), 1.0, 1.0, 0.1, 1)
log.close()
