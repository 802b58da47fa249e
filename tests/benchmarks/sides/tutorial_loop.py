"""The way MXNet's Fashion-MNIST tutorial trains: one process, four DataLoader workers that transform image by image.

python -m tests.benchmarks.sides.tutorial_loop FOLDER BATCH EPOCHS
"""

import json
import sys
import time

import mxnet as mx
from mxnet import autograd, gluon, nd

from lenet.data import fashion_mnist
from tests.support import tutorial


def main(folder, batch, epochs):
    train = fashion_mnist.load(folder).train
    images = nd.array(train.images[:, :, :, None], dtype="uint8")
    samples = gluon.data.ArrayDataset(images, train.labels.astype("int32")).transform_first(tutorial.transform)
    batches = gluon.data.DataLoader(samples, batch, shuffle=True, num_workers=4)
    net = tutorial.network()
    net.initialize(mx.init.Xavier())
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    cross_entropy = gluon.loss.SoftmaxCrossEntropyLoss()
    speeds = []
    for _ in range(epochs):
        began, loss_sum, hits = time.monotonic(), 0.0, 0.0
        for inputs, labels in batches:
            with autograd.record():
                logits = net(inputs)
                loss = cross_entropy(logits, labels)
            loss.backward()
            trainer.step(len(labels))
            loss_sum += loss.mean().asscalar() * len(labels)
            hits += (logits.argmax(axis=1) == labels.astype("float32")).sum().asscalar()
        speeds.append(len(samples) / (time.monotonic() - began))
    print("RESULT", json.dumps({"images_per_second": speeds, "loss": loss_sum / len(samples)}))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
