"""Gradient clipping by the global norm (Pascanu et al. 2013, arXiv:1211.5063), as `gluon.utils.clip_global_norm`."""

from mxnet import nd


def clip(gradients: nd.NDArray, largest: float) -> None:
    """Scale `gradients` (n,) float32 in place so that their length is at most `largest`, without waiting.

    They are the sum over all ranks, so every rank finds the same length; in float64, which squares of large sums fit.
    """
    squares = nd.square(gradients.astype("float64")).sum()  # (1,)
    factor = nd.minimum(largest / nd.sqrt(squares), 1).astype("float32")  # 1 for a length of 0: infinity is cut too
    nd.broadcast_mul(gradients, factor, out=gradients)
