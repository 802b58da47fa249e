"""Print how much memory loading the data set takes, in KiB: the peak beyond what the imports took."""

import resource

from lenet.data import fashion_mnist


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


before = peak()
dataset = fashion_mnist.load()
print(peak() - before)
