"""PyTorch's DistributedDataParallel with the same network, fed as is usual or as fast as we know how.

    python -m torch.distributed.run --standalone --nproc-per-node 2 torch_ddp.py HOW FOLDER BATCH EPOCHS

HOW is `typical` (DataLoader, a transform for each image) or `tuned` (all images in memory as floats, a batch is
an index; channels_last, fused SGD). BATCH is per process. Needs torch and NumPy alone, and the unzipped files.
"""

import json
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


def read(folder):
    """(n, 28, 28) uint8 and (n,) int64."""
    images = np.fromfile(Path(folder, "train-images-idx3-ubyte"), np.uint8, offset=16).reshape(-1, 28, 28)
    labels = np.fromfile(Path(folder, "train-labels-idx1-ubyte"), np.uint8, offset=8).astype(np.int64)
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
        for rows in order[dist.get_rank() :: dist.get_world_size()].split(batch):
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


def main(how, folder, batch, epochs):
    dist.init_process_group("gloo")
    torch.manual_seed(1)
    images, labels = read(folder)
    batches = {"typical": typical, "tuned": tuned}[how](images, labels, batch)
    net = network()
    if how == "tuned":
        net = net.to(memory_format=torch.channels_last)
    net = DistributedDataParallel(net, gradient_as_bucket_view=True)
    sgd = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, fused=how == "tuned")
    speeds = []
    for epoch in range(epochs):
        began, seen, loss_sum, hits = time.monotonic(), 0, torch.zeros(()), torch.zeros((), dtype=torch.long)
        for inputs, truth in batches(epoch):
            logits = net(inputs)
            loss = cross_entropy(logits, truth)
            sgd.zero_grad(set_to_none=True)
            loss.backward()
            sgd.step()
            loss_sum += loss.detach() * len(truth)
            hits += (logits.argmax(dim=1) == truth).sum()
            seen += len(truth)
        speeds.append(seen * dist.get_world_size() / (time.monotonic() - began))
    if dist.get_rank() == 0:
        print("RESULT", json.dumps({"images_per_second": speeds, "loss": float(loss_sum / seen)}), flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:]))
