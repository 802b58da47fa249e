"""Gradients of many sizes, summed over the ranks as float32 and as half floats; rank 0 prints both as JSON."""

import json

import numpy as np
from mxnet import nd

from distributed import connect

SIZES = 10.0 ** np.arange(-6, 3)  # of a mean gradient; one of 100 is of a run that is already lost

world = connect()
random = np.random.RandomState(world.rank)
own = random.uniform(0.5, 1, (len(SIZES), 1000)) * random.choice([-1, 1], 1000) * SIZES[:, None]
sums = []
for as_float16 in (False, True):
    gradients = [nd.array(row, dtype="float32") for row in own]
    for gradient in gradients:
        world.allreduce(gradient, as_float16)
        gradient.wait_to_read()  # a run sums up one array, step after step
    sums.append([gradient.asnumpy().tolist() for gradient in gradients])
if world.is_root:
    print("SUMS", json.dumps(sums), flush=True)
world.close()
