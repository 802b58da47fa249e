"""PyTorch with the same network, fed as is usual or as fast as we know how.

    python -m torch.distributed.run --standalone --nproc-per-node 2 torch_ddp.py HOW FOLDER BATCH EPOCHS [RECIPE]
    python torch_ddp.py tuned FOLDER BATCH EPOCHS [RECIPE]

HOW is `typical` (DataLoader, a transform for each image) or `tuned` (all images in memory as floats, a batch is
an index; channels_last, fused SGD). BATCH is per process. Without a launcher it is one process without
DistributedDataParallel. RECIPE is a JSON object: learning_rate, momentum, weight_decay, warmup_epochs, with a cosine
decay; without it the learning rate stays 0.1. Needs torch and NumPy alone, and the unzipped files.
"""

import json
import math
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset, DistributedSampler

RANK, SIZE = (int(os.environ.get(name, default)) for name, default in (("RANK", 0), ("WORLD_SIZE", 1)))


def read(folder, split):
    """(n, 28, 28) uint8 and (n,) int64 of `train` or `t10k`."""
    images = np.fromfile(Path(folder, f"{split}-images-idx3-ubyte"), np.uint8, offset=16).reshape(-1, 28, 28)
    labels = np.fromfile(Path(folder, f"{split}-labels-idx1-ubyte"), np.uint8, offset=8).astype(np.int64)
    return torch.from_numpy(images), torch.from_numpy(labels)


def normalise(pixels):
    return ((pixels.float() / 255 - 0.13) / 0.31).unsqueeze(-3)


class Images(Dataset):
    """Each image transformed when it is asked for."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, row):
        return normalise(self.images[row]), self.labels[row]


def typical(images, labels, batch):
    """A function from the epoch to its batches."""
    samples = Images(images, labels)
    sampler = DistributedSampler(samples)
    loader = DataLoader(samples, batch, sampler=sampler, num_workers=1, persistent_workers=True)

    def batches(epoch):
        sampler.set_epoch(epoch)
        return loader

    return batches


def tuned(images, labels, batch):
    """A function from the epoch to its batches."""
    inputs = normalise(images)

    def batches(epoch):
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(epoch))
        for rows in order[RANK::SIZE].split(batch):
            yield inputs[rows].contiguous(memory_format=torch.channels_last), labels[rows]

    return batches


def network():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


def rates(recipe, epochs):
    """A function from the epochs done to the learning rate."""
    peak, warmup = recipe["learning_rate"], recipe.get("warmup_epochs", 0)
    if not warmup:
        return lambda done: peak

    def rate(done):
        if done <= warmup:
            return peak * done / warmup
        return peak * (1 + math.cos(math.pi * (done - warmup) / (epochs - warmup))) / 2

    return rate


@torch.no_grad()
def accuracy(net, inputs, labels):
    """The share of right answers on a split, each rank's part of it added up."""
    right = (net(inputs[RANK::SIZE]).argmax(dim=1) == labels[RANK::SIZE]).sum()
    if SIZE > 1:
        dist.all_reduce(right)
    return int(right) / len(labels)


def main(how, folder, batch, epochs, recipe):
    torch.manual_seed(1)
    images, labels = read(folder, "train")
    validation, validation_labels = read(folder, "t10k")
    net = network()
    if how == "tuned":
        net = net.to(memory_format=torch.channels_last)
    if SIZE > 1:
        dist.init_process_group("gloo")
        net = DistributedDataParallel(net, gradient_as_bucket_view=True)
    batches = {"typical": typical, "tuned": tuned}[how](images, labels, batch)
    decay, momentum = recipe.get("weight_decay", 0), recipe.get("momentum", 0.9)
    nesterov, rate = "warmup_epochs" in recipe, rates(recipe, epochs)
    sgd = torch.optim.SGD(
        net.parameters(), lr=0.1, momentum=momentum, weight_decay=decay, nesterov=nesterov, fused=how == "tuned"
    )
    speeds = []
    for epoch in range(epochs):
        began, seen, loss_sum, hits = time.monotonic(), 0, torch.zeros(()), torch.zeros((), dtype=torch.long)
        for inputs, truth in batches(epoch):
            for group in sgd.param_groups:
                group["lr"] = rate(epoch + (seen + len(truth) / 2) * SIZE / len(labels))
            logits = net(inputs)
            loss = cross_entropy(logits, truth)
            sgd.zero_grad(set_to_none=True)
            loss.backward()
            sgd.step()
            loss_sum += loss.detach() * len(truth)
            hits += (logits.argmax(dim=1) == truth).sum()
            seen += len(truth)
        speeds.append(seen * SIZE / (time.monotonic() - began))
        found = accuracy(net, normalise(validation), validation_labels)
        if RANK == 0:
            print(f"Epoch [{epoch}] Val:{found:.4f}", flush=True)
    if RANK == 0:
        print("RESULT", json.dumps({"images_per_second": speeds, "loss": float(loss_sum / seen)}), flush=True)
    if SIZE > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:5]), json.loads(sys.argv[5]) if sys.argv[5:] else {"learning_rate": 0.1})
