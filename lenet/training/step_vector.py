"""The vector of a step: what each shard computes, and what is added up over the shards of all ranks."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from lenet.run.progress import Totals
from lenet.training.state import TrainState


@dataclass(frozen=True)
class StepMetrics:
    """What travels behind the gradients of a step, summed over all shards and ranks."""

    loss: float  # the mean over the step's images, in nats
    totals: Totals
    shards_in_range: int  # how many shards had gradients and statistics that could be added up
    stop_requests: int
    resize_requests: int


class StepVector:
    """The places of a step's numbers, as slices; this class alone knows their order."""

    def __init__(self, state: TrainState, metrics: Sequence[str]):
        """`metrics` are the fields of Totals that are counted, the loss first."""
        self.names = metrics
        sizes = (state.trained.layout.size, state.running.layout.size, len(metrics), 1, 2)
        ends = list(accumulate(sizes, initial=0))
        places = [slice(begin, end) for begin, end in pairwise(ends)]
        self.gradients, self.statistics, self.metrics, self.in_range, self.requests = places
        self.size = self.requests.stop
        self.report = slice(self.metrics.start, self.size)  # what `read` takes

    def read(self, report: np.ndarray, scale: float) -> StepMetrics:
        """The metrics in the `report` of a step, whose loss is `scale` times too large."""
        loss, counts = float(report[0]) / scale, [int(each) for each in report[1:]]
        counted: dict[str, Any] = dict(zip(self.names[1:], counts))
        totals = Totals(loss * counted["images"], **counted)
        return StepMetrics(loss, totals, *counts[len(counted) :])
