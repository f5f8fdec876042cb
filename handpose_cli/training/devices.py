"""Several GPUs of one machine: each gets a part of every batch, and all keep the same weights."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import keras

from handpose_cli.training.settings import SettingsError


def on_devices(count: int | None, batch_size: int) -> AbstractContextManager:
    """Return the scope to build and train a model in.

    Args:
        count: GPUs, or processors' logical devices if there is none; None: all GPUs that TensorFlow sees.
        batch_size: is split among them.

    Raises:
        SettingsError: if there are fewer devices, or the batch cannot be split.
    """
    if keras.backend.backend() != "tensorflow":
        if count is not None and count > 1:
            raise SettingsError(
                f"--devices {count} needs KERAS_BACKEND=tensorflow. Received: {keras.backend.backend()}"
            )
        return nullcontext()
    import tensorflow as tf

    gpus = tf.config.list_logical_devices("GPU")
    devices = gpus or tf.config.list_logical_devices("CPU")
    count = max(len(gpus), 1) if count is None else count
    if count > len(devices):
        kind = devices[0].device_type
        raise SettingsError(f"--devices {count} are more than TensorFlow sees: {len(devices)} ({kind})")
    if batch_size % count:
        raise SettingsError(f"--batch-size {batch_size} cannot be split among {count} devices; choose a multiple")
    if count == 1:
        return nullcontext()
    return tf.distribute.MirroredStrategy([device.name for device in devices[:count]]).scope()
