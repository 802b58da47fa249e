"""The learning rate, a function of the progress and the config."""

from lenet.config import Config
from lenet.exact_math import cosine_of_pi
from lenet.run.progress import Progress


def learning_rate(config: Config, progress: Progress, images_in_step: int, images_in_epoch: int) -> float:
    """The learning rate of the step that follows `progress`, taken at the middle of that step.

    The peak grows linearly with the global batch (Goyal et al. 2017, arXiv:1706.02677, section 2.1); it is reached
    over `warmup_epochs` (section 2.2), or half of a run that is short.
    """
    peak = config.learning_rate * config.global_batch / config.reference_batch
    epochs = progress.epoch + (progress.images_done + images_in_step / 2) / images_in_epoch
    warmup = min(config.warmup_epochs, config.epochs / 2)
    if warmup and epochs <= warmup:
        return peak * epochs / warmup
    if config.schedule == "constant":
        return peak
    left = max(0.0, (config.epochs - epochs) / (config.epochs - warmup))  # 1 at the peak, 0 at the end
    return peak * (left if config.schedule == "linear" else (1 - cosine_of_pi(left)) / 2)
