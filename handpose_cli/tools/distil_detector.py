"""Distil the published SSD into its light form; how `ssd-egohands-lite` in `handpose_cli/weights` is made:

    python -m handpose_cli.tools.distil_detector PHOTOS... handpose_cli/weights

PHOTOS are folders of photographs, without labels; one that is given several times counts as often. The light network
learns what the published one answers (Hinton et al., "Distilling the Knowledge in a Neural Network", 2015) and its
features (Romero et al., "FitNets", ICLR 2015), first the new stem alone, then all of it. An hour on two cores.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import keras
import numpy as np
from keras import ops

from handpose_cli import weights
from handpose_cli.engine.detector import squeeze
from handpose_cli.engine.keras import load_weights
from handpose_cli.media.images import read_image
from handpose_cli.networks.ssd.anchors import INPUT_SIZE
from handpose_cli.networks.ssd.model import build_ssd
from handpose_cli.networks.tensors import Tensor
from handpose_cli.training.data.prefetch import Prefetch
from handpose_cli.training.delivery.deliver import in_precision
from handpose_cli.training.delivery.export import export_litert

NAME = "ssd-egohands-lite"
# layers whose features the light network learns, with their shares of the loss; the first is the new stem's output
FEATURES = {
    "block2_add": 1.0, "block5_add": 0.5, "block9_add": 0.5, "block13_expand_relu": 0.5, "conv_last_relu": 0.5,
}  # fmt: skip
FIRST, STEM_OUTPUT = "block2_add", "stem_project"
SCORES_SHARE, BOXES_SHARE = 0.3, 0.5  # of the loss
STEM_STEPS, STEM_BATCH, STEM_RATE = 1400, 32, 3e-3
STEPS, BATCH, RATE = 3000, 16, 1e-3
CALIBRATION = 1000  # photographs
Batch = tuple[np.ndarray, np.ndarray]


class Pictures(keras.utils.PyDataset):
    """Batches of what the detector may see: photographs squeezed into its square, and several small ones on another.

    Batch `index` is always the same. It is float32 [n, 300, 300, 3], 0 to 255, RGB, with zeros for a target.
    """

    def __init__(self, photos: list[Path], batch_size: int, seed: int):
        super().__init__()
        self.photos, self.batch_size, self.seed = photos, batch_size, seed

    def __getitem__(self, index: int) -> Batch:
        rng = np.random.default_rng([self.seed, index])
        return np.stack([self._picture(rng) for _ in range(self.batch_size)]), np.zeros(self.batch_size, np.float32)

    def _picture(self, rng: np.random.Generator) -> np.ndarray:
        picture = cv2.resize(self._photo(rng), (INPUT_SIZE, INPUT_SIZE))
        if rng.random() < 0.55:  # with hands as small as they are in photographs of a whole person
            if rng.random() < 0.3:
                picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(2, 8))
            for _ in range(rng.integers(1, 5)):
                photo = self._photo(rng)
                height = int(rng.uniform(40, 260))
                ratio = photo.shape[1] / photo.shape[0] * rng.uniform(0.6, 1.4)
                width = int(np.clip(height * ratio, 30, INPUT_SIZE - 1))
                x, y = rng.integers(INPUT_SIZE - width + 1), rng.integers(INPUT_SIZE - height + 1)
                small = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA)
                picture[y : y + height, x : x + width] = small
        return _in_other_light(picture.astype(np.float32), rng)

    def _photo(self, rng: np.random.Generator) -> np.ndarray:
        """Return a photograph, or a part of it, uint8 [h, w, 3]."""
        photo = read_image(self.photos[rng.integers(len(self.photos))])
        if rng.random() < 0.5:
            photo = photo[:, ::-1]
        if rng.random() < 0.1:
            photo = np.rot90(photo, int(rng.integers(1, 4)))
        height, width = photo.shape[:2]
        if rng.random() < 0.5 and min(height, width) > 60:
            high, wide = int(height * rng.uniform(0.6, 1)), int(width * rng.uniform(0.6, 1))
            y, x = rng.integers(height - high + 1), rng.integers(width - wide + 1)
            photo = photo[y : y + high, x : x + wide]
        return photo


def _in_other_light(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.7:
        picture = picture * rng.uniform(0.6, 1.4, 3 if rng.random() < 0.5 else 1) + rng.uniform(-25, 25)
    if rng.random() < 0.3:
        picture = picture + rng.normal(0, rng.uniform(2, 10), picture.shape)
    if rng.random() < 0.1:
        picture = np.broadcast_to(picture.mean(axis=2, keepdims=True), picture.shape)
    return picture.clip(0, 255).astype(np.float32)


class Distillation(keras.Model):
    """Trains a student to answer as its teacher; both give a dict of outputs.

    Args:
        spread: the variance of each of the teacher's features, by name.
    """

    def __init__(self, teacher: keras.Model, student: keras.Model, spread: dict[str, float]):
        super().__init__()
        self.teacher, self.student, self.spread = teacher, student, spread

    def call(self, inputs: Tensor, training: bool = False) -> dict[str, Tensor]:
        outputs: dict[str, Tensor] = self.student(inputs, training=training)
        return outputs

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Tensor = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        teacher, student = self.teacher(x, training=False), y_pred
        loss: Tensor = 0.0
        for name, spread in self.spread.items():
            loss += FEATURES[name] * ops.mean(ops.square(_float(teacher[name]) - _float(student[name]))) / spread
        if "logits" in student:
            said, says = _float(teacher["logits"]), _float(student["logits"])
            score = ops.sigmoid(said)
            divergence = ops.sum(_cross_entropy(score, says) - _cross_entropy(score, said), axis=-1)
            off = ops.abs(_float(teacher["encodings"]) - _float(student["encodings"]))
            huber = ops.sum(ops.where(off < 1, 0.5 * ops.square(off), off - 0.5), axis=-1)
            loss += SCORES_SHARE * ops.mean(divergence) + BOXES_SHARE * ops.mean(ops.sum(huber * score, axis=-1))
        return loss


def _float(tensor: Tensor) -> Tensor:
    return ops.cast(tensor, "float32")


def _cross_entropy(score: Tensor, logit: Tensor) -> Tensor:
    return ops.maximum(logit, 0) - logit * score + ops.log1p(ops.exp(-ops.abs(logit)))


def with_outputs(model: keras.Model, names: list[str]) -> keras.Model:
    """Return a model whose outputs are these layers', by the published network's names."""
    is_light = any(layer.name == STEM_OUTPUT for layer in model.layers)
    own = {name: STEM_OUTPUT if is_light and name == FIRST else name for name in names}
    return keras.Model(model.input, {name: model.get_layer(layer).output for name, layer in own.items()})


def train(teacher: keras.Model, student: keras.Model, pictures: Pictures, steps: int, rate: float) -> None:
    """Train a student's weights in place; what both have as outputs is what it learns."""
    batches = Prefetch(pictures, workers=2)
    answers = teacher.predict_on_batch(np.concatenate([batches[index][0] for index in range(4)]))
    spread = {name: float(answers[name].var()) for name in FEATURES if name in student.output}
    model = Distillation(teacher, student, spread)
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps, alpha=0.01)
    model.compile(optimizer=keras.optimizers.Adam(schedule, clipnorm=1.0))
    for step in range(1, steps + 1):
        loss = model.train_on_batch(*batches[step + 3])
        if step % 100 == 0:
            print(f"step {step} of {steps}: loss {float(loss):.3f}", flush=True)
    batches.close()


def distil(photos: list[Path]) -> keras.Model:
    """Return the light network, trained."""
    published = build_ssd()
    load_weights(published, weights.FOLDER / "ssd-egohands.weights.h5")
    published.trainable = False
    with in_precision("mixed_bfloat16"):
        light = build_ssd(light=True)
    for layer in light.layers:
        if layer.weights and layer.name in {each.name for each in published.layers}:
            layer.set_weights(published.get_layer(layer.name).get_weights())
    for seed, names, steps, batch, rate in (
        (1, [FIRST], STEM_STEPS, STEM_BATCH, STEM_RATE),
        (2, [*FEATURES, "logits", "encodings"], STEPS, BATCH, RATE),
    ):
        train(with_outputs(published, names), with_outputs(light, names), Pictures(photos, batch, seed), steps, rate)
    return light


def calibration(photos: list[Path]) -> Callable[[], Iterator[np.ndarray]]:
    """Return what gives `CALIBRATION` photographs as the detector sees them, float32 [1, 300, 300, 3]."""
    chosen = [photos[i] for i in np.random.default_rng(5).integers(len(photos), size=CALIBRATION)]

    def squeezed() -> Iterator[np.ndarray]:
        for path in chosen:
            yield squeeze(read_image(path), INPUT_SIZE)[0][None].astype(np.float32)

    return squeezed


def save(model: keras.Model, photos: list[Path], destination: Path) -> None:
    """Write the Keras weights in half precision, and the LiteRT form in 8 bits."""
    _copied(model, "float16").save_weights(str(destination / f"{NAME}.weights.h5"))
    export_litert(_copied(model, "float32"), destination / f"{NAME}.tflite", "int8", calibration(photos))


def _copied(model: keras.Model, precision: str) -> keras.Model:
    with in_precision(precision):
        copy = build_ssd(light=True)
    copy.set_weights([np.asarray(tensor) for tensor in model.get_weights()])
    return copy


def main(*arguments: str) -> None:
    *folders, destination = map(Path, arguments)
    photos = sorted(path for folder in folders for path in folder.iterdir() if path.is_file())
    save(distil(photos), photos, destination)


if __name__ == "__main__":
    main(*sys.argv[1:])
