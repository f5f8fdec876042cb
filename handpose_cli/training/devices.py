"""Several GPUs: each gets a part of every batch, and all keep the same weights."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras

from handpose_cli.training import processes
from handpose_cli.training.settings import SettingsError


def on_devices(count: int | None, batch_size: int) -> AbstractContextManager[Any]:
    """Return the scope to build and train a model in.

    Args:
        count: GPUs, or processors' logical devices if there is none; None: all GPUs, those of the other `processes`
            too.
        batch_size: is split among them.

    Raises:
        SettingsError: if there are fewer devices, or the batch cannot be split.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        names, kind = [device.name for device in found], found[0].device_type
    elif backend == "jax":
        names = keras.distribution.list_devices()
        kind = names[0].partition(":")[0].upper()
    else:
        names, kind = ["cpu:0"], "CPU"
    several = processes.count() > 1
    if several and count is not None:
        raise SettingsError(f"{count} devices cannot be chosen with several processes: all are used", "devices")
    if count is None:
        count = len(names) if several or kind != "CPU" else 1
    if count > len(names):
        raise SettingsError(f"{count} devices are more than Keras sees on {backend}: {len(names)} ({kind})", "devices")
    if batch_size % count:
        raise SettingsError(f"A batch of {batch_size} cannot be split among {count} devices", "multiple")
    if count == 1:
        return nullcontext()
    if backend == "tensorflow":
        scope: AbstractContextManager[Any] = tf.distribute.MirroredStrategy(names[:count]).scope()
        return scope
    scope = keras.distribution.DataParallel(devices=names[:count], auto_shard_dataset=False).scope()
    return scope
