"""The network with its optimizer on one device: one step, one look at a batch, and its state as arrays."""

import mxnet as mx
from mxnet import autograd, gluon, nd

from lenet.fast import fast_lenet5
from lenet.model import named_parameters, normalise


class Learner:
    """What a step changes: the weights of `net` and the momenta of SGD, both on `device`."""

    def __init__(self, net, config, device):
        self.net, self.config, self.device = net, config, device
        is_plain = config.debug or device.device_type != "cpu"
        self.objective = Objective(net if is_plain else fast_lenet5(net))
        if not config.debug:
            self.objective.hybridize(static_alloc=True, static_shape=True)
        self.parameters = named_parameters(net)
        self.weights = [parameter.data() for parameter in self.parameters.values()]
        self.gradients = [parameter.grad() for parameter in self.parameters.values()]
        self.use_optimizer(steps_done=0, momenta={})

    def use_optimizer(self, steps_done, momenta):
        """Start SGD as it stands after `steps_done` steps with `momenta`, NDArrays by parameter name (missing: zero).

        MXNet's own updater rather than gluon.Trainer: its states are plain arrays that need no pickle to be kept,
        and a rank without images in a step needs no backward pass to take part in the update.
        """
        sgd = mx.optimizer.SGD(momentum=self.config.momentum, wd=self.config.weight_decay, begin_num_update=steps_done)
        sgd.aggregate_num = len(self.weights)  # all in one call
        self.update = mx.optimizer.get_updater(sgd)
        if self.config.momentum:
            for i, (name, weight) in enumerate(zip(self.parameters, self.weights)):
                self.update.states[i] = momenta.get(name, nd.zeros_like(weight)).as_in_context(self.device)
                self.update.states_synced[i] = True

    @property
    def momenta(self):
        """SGD's momenta by parameter name, NDArrays; empty without momentum."""
        states = self.update.states
        return {name: states[i] for i, name in enumerate(self.parameters) if states.get(i) is not None}

    def step(self, world, images, labels, images_in_step, rate, wishes):
        """One step of all ranks, queued on the device and not waited for.

        `images` (n, 28, 28) uint8 and `labels` (n,) are this rank's share, n may be 0, of `images_in_step` images.
        Returns the report of the step, an NDArray: loss, hits, images and the numbers `wishes`, all summed over the
        ranks. It travels with the gradients, so that every rank reads the same.
        """
        known = [len(images), *wishes]
        if len(images):
            with autograd.record():
                part, own = self.objective(images, labels, nd.array([1 / images_in_step, *known], ctx=self.device))
            part.backward()
        else:
            own = nd.array([0, 0, *known], ctx=self.device)
            for gradient in self.gradients:
                gradient[:] = 0
        world.sum_gradients(self.gradients, own, fp16=self.config.fp16_allreduce)
        self.update.optimizer.set_learning_rate(rate)
        self.update(list(range(len(self.weights))), self.gradients, self.weights)
        return own


class Objective(gluon.HybridBlock):
    """What a step computes of a rank's images, as one graph: called piece by piece, small steps are half Python."""

    def __init__(self, net):
        super().__init__()
        self.net, self.cross_entropy = net, gluon.loss.SoftmaxCrossEntropyLoss()

    def hybrid_forward(self, F, images, labels, known):
        """These images' part of the mean loss over all ranks' images (1,), and the rank's report.

        `known` is 1 / the images of all ranks, and the numbers that end the report.
        """
        logits = self.net(normalise(images))
        loss = self.cross_entropy(logits, labels).sum()
        hits = F.broadcast_equal(logits.argmax(axis=1), labels.astype("float32")).sum()
        part = loss * F.slice_axis(known, axis=0, begin=0, end=1)
        report = F.concat(loss, hits, F.slice_axis(known, axis=0, begin=1, end=None), dim=0)
        return part, F.BlockGrad(report)
