"""LeNet-5 in a form that is fast on CPUs, with the parameters and the results of the plain layers in lenet5.py.

oneDNN has fast kernels for as many channels as a vector register holds numbers, and slow ones for LeNet's 6: the
first convolution computes 8 or 16, the rest of them from weights of 0. Without AVX-512 its kernel for the gradient of
that convolution's weights takes three channels and not one: the image comes three times, twice to weights of 0. And
ReLU comes after the pool, on a quarter of the values: the largest of four and its gradient are the same.
tests/benchmarks/README.md has the times.
"""

from pathlib import Path
from types import ModuleType

from mxnet.gluon import HybridBlock, nn

from lenet.model.normalise import Tensor

AVX2, AVX512 = 8, 16  # float32 numbers in a vector


def padded_lenet5(net: HybridBlock, channels: int | None = None) -> HybridBlock:
    """Return a network with the parameters of `net`, lenet5()'s plain layers, and `channels` in the first convolution.

    The default is the numbers in a vector of this CPU; 6 pads nothing.
    """
    channels = channels or _numbers_in_a_vector()
    inputs = net[0].weight.shape[1]
    fast = nn.HybridSequential()
    if (channels, inputs) == (AVX2, 1):
        inputs = 3
        fast.add(nn.HybridLambda(lambda F, images: F.broadcast_axis(images, axis=1, size=3)))
    fast.add(
        PaddedConvolution(net[0], inputs=inputs, outputs=channels),  # (n, channels, 24, 24)
        nn.MaxPool2D(pool_size=2, strides=2),
        nn.Activation("relu"),  # (n, channels, 12, 12)
        PaddedConvolution(net[2], inputs=channels, outputs=16),  # (n, 16, 10, 10)
        nn.MaxPool2D(pool_size=2, strides=2),
        nn.Activation("relu"),  # (n, 16, 5, 5)
        *net[4:],
    )
    return fast


class PaddedConvolution(HybridBlock):
    """The layer `conv` without its activation, from `inputs` to `outputs` channels.

    It ignores the additional inputs and gives 0 for the additional outputs.
    """

    def __init__(self, conv: nn.Conv2D, inputs: int, outputs: int):
        super().__init__()
        self.params.update(conv.params)
        self.weight, self.bias = conv.weight, conv.bias
        own_outputs, own_inputs, *kernel = conv.weight.shape
        self.kernel, self.outputs = tuple(kernel), outputs
        self.more_inputs = (own_outputs, inputs - own_inputs, *kernel)
        self.more_outputs = (outputs - own_outputs, inputs, *kernel)

    def hybrid_forward(self, F: ModuleType, images: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Map (n, inputs, height, width) to (n, outputs, height - k + 1, width - k + 1) by `conv`'s weight and bias."""
        if self.more_inputs[1]:
            weight = F.concat(weight, F.zeros(self.more_inputs), dim=1)
        if self.more_outputs[0]:
            weight = F.concat(weight, F.zeros(self.more_outputs), dim=0)
            bias = F.concat(bias, F.zeros(self.more_outputs[:1]), dim=0)
        return F.Convolution(images, weight, bias, kernel=self.kernel, num_filter=self.outputs)


def _numbers_in_a_vector() -> int:
    """Return AVX512 for a CPU with AVX-512, else AVX2."""
    cpu = Path("/proc/cpuinfo")
    return AVX512 if cpu.exists() and " avx512f" in cpu.read_text() else AVX2
