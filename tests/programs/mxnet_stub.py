"""Stands in for mxnet where GPUs are counted: VISIBLE_GPUS of them, and without that CUDA does not start."""

import os
import sys


class context:
    """As much of mxnet.context as is asked for."""

    @staticmethod
    def num_gpus() -> int:
        """The GPUs that MXNet sees."""
        return int(os.environ["VISIBLE_GPUS"] or sys.exit(1))
