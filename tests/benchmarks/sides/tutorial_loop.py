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


def transformed(split):
    """A data set that transforms each image when it is asked for."""
    images = nd.array(split.images[:, :, :, None], dtype="uint8")
    return gluon.data.ArrayDataset(images, split.labels.astype("int32")).transform_first(tutorial.transform)


def main(folder, batch, epochs):
    dataset = fashion_mnist.load(folder)
    samples = transformed(dataset.train)
    batches = gluon.data.DataLoader(samples, batch, shuffle=True, num_workers=4)
    validation = gluon.data.DataLoader(transformed(dataset.validation), batch, num_workers=4)
    net = tutorial.network()
    net.initialize(mx.init.Xavier())
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    cross_entropy = gluon.loss.SoftmaxCrossEntropyLoss()
    speeds = []
    for epoch in range(epochs):
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
        accuracy = mx.metric.Accuracy()
        for inputs, labels in validation:
            accuracy.update(labels, net(inputs))
        print(f"Epoch [{epoch}] Val:{accuracy.get()[1]:.4f}", flush=True)
    print("RESULT", json.dumps({"images_per_second": speeds, "loss": loss_sum / len(samples)}))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
