"""The way the Horovod project's MXNet example trains on MNIST: MNISTIter's parts, a hybrid net, DistributedTrainer.

    horovodrun -np 2 python -m tests.benchmarks.sides.horovod_example FOLDER BATCH EPOCHS

BATCH is per process. MNISTIter needs the unzipped files.
"""

import json
import sys
import time
from pathlib import Path

import horovod.mxnet as hvd
import mxnet as mx
from mxnet import autograd, gluon, nd

from lenet.data.fashion_mnist import FILES
from lenet.model import lenet5


def main(folder, batch, epochs):
    hvd.init()
    batches = mx.io.MNISTIter(
        image=str(Path(folder, FILES[0])),
        label=str(Path(folder, FILES[1])),
        input_shape=(1, 28, 28),
        batch_size=batch,
        flat=False,
        num_parts=hvd.size(),
        part_index=hvd.rank(),
    )
    net = lenet5.lenet5()
    net.initialize(mx.init.Xavier())
    net.hybridize(static_alloc=True)
    parameters = net.collect_params()
    hvd.broadcast_parameters(parameters, root_rank=0)
    trainer = hvd.DistributedTrainer(parameters, "sgd", {"learning_rate": 0.02, "momentum": 0.9}, num_groups=1)
    cross_entropy = gluon.loss.SoftmaxCrossEntropyLoss()
    speeds = []
    for _ in range(epochs):
        batches.reset()
        began, images, loss_sum = time.monotonic(), 0, nd.zeros(1)
        for each in batches:
            with autograd.record():
                loss = cross_entropy(net(each.data[0]), each.label[0])
            loss.backward()
            trainer.step(batch)
            loss_sum += loss.sum()
            images += batch
        mean = (loss_sum / images).asscalar()
        speeds.append(images * hvd.size() / (time.monotonic() - began))
    if hvd.rank() == 0:
        print("RESULT " + json.dumps({"images_per_second": speeds, "loss": float(mean)}) + "\n", end="", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
