"""Training on several machines: processes that each make a part of every batch and all keep the same weights.

Keras joins them on JAX, if its environment variables say where the others are (`keras.distribution.initialize`); with
TensorFlow it cannot (keras-team/keras issue 20585). All read the same data and the same run folder, the first writes.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import keras

from handpose_cli.training.settings import SettingsError

ADDRESSES = "KERAS_DISTRIBUTION_JOB_ADDRESSES"


def join() -> None:
    """Wait for the other processes, if the environment names some; before anything is computed.

    JAX itself ends this process if they have not come in five minutes, or later if one of them dies.

    Raises:
        SettingsError: if the backend is not JAX, or what the environment says is wrong.
    """
    if ADDRESSES not in os.environ:
        return
    if keras.backend.backend() != "jax":
        raise SettingsError(f"{ADDRESSES} needs KERAS_BACKEND=jax. Received: {keras.backend.backend()}")
    import jax

    if jax.distributed.is_initialized():
        return
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        keras.distribution.initialize()
    except (ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise SettingsError(f"{ADDRESSES}={os.environ[ADDRESSES]}: {reason}") from error


def count() -> int:
    """Return how many processes train together."""
    if ADDRESSES not in os.environ:
        return 1
    import jax

    return int(jax.process_count())


def number() -> int:
    """Return which of them this one is, from 0."""
    if ADDRESSES not in os.environ:
        return 0
    import jax

    return int(jax.process_index())


def first_says(answer: bool) -> bool:
    """Return the first process's answer to all of them, so that none goes on alone."""
    if count() == 1:
        return answer
    from jax.experimental.multihost_utils import broadcast_one_to_all

    return bool(broadcast_one_to_all(answer))


def check_agreement(*things: object) -> None:
    """Raise SettingsError if the processes do not all have the same things, by their `repr`."""
    if count() == 1:
        return
    from jax.experimental.multihost_utils import process_allgather

    if len(set(process_allgather(zlib.crc32(repr(things).encode()) & 0x7FFFFFFF).tolist())) > 1:
        raise SettingsError("The processes do not have the same options, data and run folder.")


@contextmanager
def alone() -> Iterator[None]:
    """Do something that the other processes do not: what Keras makes meanwhile is not theirs too."""
    together = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(together)


def leave() -> None:
    """Wait for the others to be done; from then on each process is alone."""
    if count() > 1:
        import jax

        jax.distributed.shutdown()
