"""Optimizers and learning rate schedules by name."""

from __future__ import annotations

import keras

from handpose_cli.training.settings import Settings

WARM_UP = 500  # steps in which the learning rate rises from a hundredth
STEPS = ((0.6, 0.1), (0.85, 0.01))  # "steps": from this share of the run on, this share of the learning rate


def make_optimizer(settings: Settings, learning_rate: float, steps: int) -> keras.optimizers.Optimizer:
    """Return the optimizer of a stage of so many steps, whose learning rate is so high at its highest."""
    schedule = make_schedule(settings.schedule, learning_rate, steps)
    average = {"use_ema": True, "ema_momentum": settings.ema} if settings.ema else {}
    if settings.optimizer == "adamw":
        # a network without batch norms needs the rare huge gradient cut
        return keras.optimizers.AdamW(schedule, global_clipnorm=1.0, **average)
    return keras.optimizers.RMSprop(schedule, **average)


def make_schedule(name: str, highest: float, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate over so many steps.

    Args:
        name: "constant" (the student paper's), "cosine" (Loshchilov and Hutter, "SGDR", 2017: a warm-up, then along a
            cosine to 1 %) or "steps" (see `STEPS`).
    """
    if name == "constant":  # a bare number would give the optimizer's state another variable
        return keras.optimizers.schedules.PiecewiseConstantDecay([steps], [highest, highest])
    if name == "steps":
        return keras.optimizers.schedules.PiecewiseConstantDecay(
            [int(share * steps) for share, _ in STEPS], [highest, *(highest * factor for _, factor in STEPS)]
        )
    warm_up = min(WARM_UP, steps // 10)
    return keras.optimizers.schedules.CosineDecay(
        highest / 100, steps - warm_up, alpha=0.01, warmup_target=highest, warmup_steps=warm_up
    )
