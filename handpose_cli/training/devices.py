"""What is computed on: several GPUs, of which each gets a part of every batch, and processors without bfloat16."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import keras

from handpose_cli.training import processes
from handpose_cli.training.settings import SettingsError

BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16")  # as Linux names it, of x86 and of ARM


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


def lacks_bfloat16(facts: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether there is no GPU, and the processor is known to have no arithmetic of bfloat16.

    Args:
        facts: what the system says of its processors; nothing is known where there is no such file.
    """
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    try:
        said = facts.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    flags = re.findall(r"^(?:flags|Features)\s*:(.*)$", said, re.MULTILINE)
    known = flags[0].split() if flags else BFLOAT16
    return not tf.config.list_logical_devices("GPU") and not set(BFLOAT16) & set(known)
