"""The library's work as operations of MXNet's engine: queued, in order with all others, and not waited for.

What fails in one is raised as MXNetError by the next wait for an array that it writes.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import mxnet as mx
import numpy as np
from mxnet import nd
from mxnet.base import _LIB, check_call

from lenet.native import tasks
from lenet.native.loader import load_library
from lenet.native.tasks import Rule


@dataclass(frozen=True, eq=False)
class NativeData:
    """Images (N, height, width) or (N, height, width, channels) uint8 and labels (N,) uint8 or int32, on the CPU."""

    images: nd.NDArray
    labels: nd.NDArray
    mean: Sequence[float]  # a number for each channel
    std: Sequence[float]
    classes: int

    def _describe(self, weights: nd.NDArray) -> tasks.Data:
        number, height, width, *channels = self.images.shape
        return tasks.Data(
            pixels=_address(self.images, "uint8"),
            labels=_address(self.labels, "uint8", "int32"),
            images=number,
            parameters=weights.size,
            label_bytes=np.dtype(self.labels.dtype).itemsize,
            height=height,
            width=width,
            channels=channels[0] if channels else 1,
            classes=self.classes,
            mean=(ctypes.c_float * 4)(*self.mean),
            std=(ctypes.c_float * 4)(*self.std),
        )


@dataclass(frozen=True, eq=False)
class NativeShards:
    """Computes gradients of shards of at most `shard` images; `threads` changes no bit."""

    data: NativeData
    shard: int
    label_smoothing: float
    threads: int

    def compute(
        self,
        weights: nd.NDArray,
        order: nd.NDArray,
        rows: range,
        step_images: int,
        total: nd.NDArray,
        draws: nd.NDArray | None = None,
    ) -> None:
        """Overwrite `total` (parameters + METRICS or more,) int64 with the sum over shards of a step.

        The images are `order[rows]`, whole shards of a step of `step_images`; without rows the sum is 0. `order` (n,)
        is int32; `draws` (3, N) int32 mirrors and moves images, as lenet/data/augmentation.py draws it. Gradients
        and loss are those of the mean over the step's images, in units of 2**-40.
        """
        task = tasks.Gradients(
            data=self.data._describe(weights),
            weights=_address(weights, "float32"),
            rows=_address(order, "int32") + 4 * rows.start,
            draws=None if draws is None else _address(draws, "int32"),
            total=_address(total, "int64"),
            count=len(rows),
            shard=self.shard,
            step_images=step_images,
            step_shards=-(-step_images // self.shard),
            total_length=total.size,
            smoothing=self.label_smoothing,
            threads=self.threads,
        )
        reads = [self.data.images, self.data.labels, weights, order]
        _push("lenet_gradients", task, reads if draws is None else [*reads, draws], [total])


def compute_logits(data: NativeData, weights: nd.NDArray, rows: range, threads: int) -> nd.NDArray:
    """Logits (n, classes) float32 of the images `rows`: those of an image depend on nothing but it and the weights."""
    logits = nd.empty((len(rows), data.classes), ctx=mx.cpu())
    task = tasks.Logits(
        data=data._describe(weights),
        weights=_address(weights, "float32"),
        logits=_address(logits, "float32"),
        begin=rows.start,
        count=len(rows),
        threads=threads,
    )
    _push("lenet_logits", task, [data.images, data.labels, weights], [logits])
    return logits


@dataclass(frozen=True)
class NativeUpdate:
    """An optimizer's rule with what does not change from step to step."""

    rule: Rule
    weight_decay: float = 0
    momentum: float = 0  # Nesterov's
    beta1: float = 0.9  # Adam's three
    beta2: float = 0.999
    epsilon: float = 1e-8
    clip_norm: float | None = None  # of all gradients together, at most

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of the vectors that the rule keeps beside the weights."""
        return {Rule.SGD: (), Rule.NESTEROV: ("momentum",)}.get(self.rule, ("mean", "variance"))

    def take(
        self, weights: nd.NDArray, slots: Sequence[nd.NDArray], total: nd.NDArray, learning_rate: float, step: int = 1
    ) -> None:
        """Change `weights` and `slots` in place by the gradients in `total`, as NativeShards leaves them.

        `step` counts from 1.
        """
        addresses = [_address(each, "float32") for each in slots]
        task = tasks.Update(
            weights=_address(weights, "float32"),
            slot1=addresses[0] if addresses else None,
            slot2=addresses[1] if len(addresses) > 1 else None,
            total=_address(total, "int64"),
            count=weights.size,
            step=step,
            rule=self.rule,
            rate=learning_rate,
            weight_decay=self.weight_decay,
            momentum=self.momentum,
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon,
            clip_norm=self.clip_norm or 0,
        )
        _push("lenet_update", task, [total], [weights, *slots])


class _Context(ctypes.Structure):
    """mxnet::Context of a CPU."""

    _fields_ = (("dev_type", ctypes.c_int32), ("dev_id", ctypes.c_int32))


def _address(array: nd.NDArray, *types: str) -> int:
    """Where the numbers of `array` are, which has one of these types; they may be waiting to be computed."""
    if np.dtype(array.dtype).name not in types or array.context.device_type != "cpu":
        raise TypeError(f"an array of {' or '.join(types)} on the CPU is needed, not {array.dtype} on {array.context}")
    address = ctypes.c_void_p()
    check_call(_LIB.MXNDArrayGetData(array.handle, ctypes.byref(address)))
    return address.value or 0


def _push(function: str, task: ctypes.Structure, reads: Sequence[nd.NDArray], writes: Sequence[nd.NDArray]) -> None:
    """Queue a function of the library. The engine frees its copy of the task, and waits for and holds the arrays."""
    library = load_library()
    const, mutable = ((ctypes.c_void_p * len(each))(*(array.handle for array in each)) for each in (reads, writes))
    copy = library.lenet_copy(ctypes.byref(task), ctypes.sizeof(task))
    if not copy:
        raise MemoryError
    check_call(
        _LIB.MXEnginePushSyncND(
            ctypes.cast(getattr(library, function), ctypes.c_void_p),
            ctypes.c_void_p(copy),
            ctypes.cast(library.lenet_delete, ctypes.c_void_p),
            ctypes.byref(_Context(1, writes[0].context.device_id)),
            const,
            len(reads),
            mutable,
            len(writes),
            None,
            0,
            function.encode(),
        )
    )
