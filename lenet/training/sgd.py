"""SGD with Nesterov's momentum and weight decay over flat vectors, as `gluon.Trainer` takes it ("sgd", "nag")."""

from mxnet import nd


def update(
    weights: nd.NDArray,
    momenta: nd.NDArray,
    gradients: nd.NDArray,
    *,
    learning_rate: float,
    momentum: float,
    weight_decay: float,
    scale: float = 1.0,
) -> None:
    """Take one step in place. All are float32 vectors of one length; `gradients` are `scale` times too large.

    The weights stand where the momenta will carry them (Sutskever et al. 2013, On the importance of initialization
    and momentum in deep learning, section 2, in the form that Bengio et al. 2013, arXiv:1212.0901, give it):
        g <- gradient + weight_decay * w,  v <- momentum * v - learning_rate * g,
        w <- w + momentum * v - learning_rate * g
    `gradients` is overwritten. Weight decay is a call of its own, because MXNet's `nag_mom_update` may read a weight
    after it has written it, or not, as the array lies in memory.
    """
    if not momentum:
        nd.sgd_update(weights, gradients, lr=learning_rate, wd=weight_decay, rescale_grad=1 / scale, out=weights)
        return
    if weight_decay:
        nd.sgd_update(gradients, weights, lr=-weight_decay * scale, wd=0, out=gradients)
    nd.nag_mom_update(
        weights, gradients, momenta, lr=learning_rate, momentum=momentum, wd=0, rescale_grad=1 / scale, out=weights
    )
