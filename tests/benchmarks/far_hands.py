"""How many hands far away are found in photos of 4000 x 3000, with and without `--tile`; run by hand:

    python tests/benchmarks/far_hands.py [--labels LABELS] [-- OPTION OF PREDICT ...]

90 hands of the labels (`samples/` by default), 70 to 220 pixels large, are put into 60 photos of one background.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from handpose_cli import read_image, read_labels
from handpose_cli.records import box_around

SAMPLES = Path(__file__).parents[2] / "samples"
PHOTOS, WIDTH, HEIGHT = 60, 4000, 3000
SIZES = 70, 220  # of a hand's longer side, in pixels
MARGIN = 0.4  # of that, what is put in with a hand on each side; its edge fades into the background
NOISE = 4.0  # of a camera's sensor, in grey levels


def write_photos(folder: Path, labels: str) -> int:
    """Write photos of one and two hands in turn, and `labels.json` with their boxes; return how many hands."""
    random = np.random.default_rng(0)
    images = Path(labels.rpartition(":")[2]).parent
    hands = [(images / record.file, hand) for record in read_labels(labels) for hand in record.hands]
    hands = [(file, hand) for file, hand in hands if file.suffix != ".mp4"]
    empty = cv2.resize(read_image(SAMPLES / "no_hand.jpg"), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    entries, count = [], 0
    for number in range(PHOTOS):
        photo, boxes = empty.copy(), []
        for part in range(1 + number % 2):  # one in each half
            file, hand = hands[random.integers(len(hands))]
            box = hand.box if hand.keypoints is None else box_around(hand.keypoints)
            cut, inside = _cut(read_image(file), box, random.uniform(*SIZES))
            height, width = cut.shape[:2]
            x = int(random.integers(part * WIDTH // 2, (part + 1) * WIDTH // 2 - width))
            y = int(random.integers(HEIGHT - height))
            place = photo[y : y + height, x : x + width]
            place[:] = cv2.blendLinear(cut, place, (share := _fading(width, height)), 1 - share)
            boxes.append((inside + np.array([x, y, 0, 0])).tolist())
        noisy = (photo + random.normal(0, NOISE, photo.shape)).clip(0, 255).astype(np.uint8)
        name = f"{number:05d}.jpg"
        cv2.imwrite(str(folder / name), cv2.cvtColor(noisy, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
        entries.append({"image": name, "width": WIDTH, "height": HEIGHT, "boxes": boxes})
        count += len(boxes)
    (folder / "labels.json").write_text(json.dumps(entries), encoding="utf-8")
    return count


def _cut(image: np.ndarray, box: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a hand with what is around it, its box's longer side so many pixels, and its box in that."""
    scale, margin = size / box[2:].max(), MARGIN * box[2:].max()
    low = np.maximum(box[:2] - margin, 0).astype(int)
    high = np.minimum(box[:2] + box[2:] + margin, image.shape[1::-1]).astype(int)
    part = image[low[1] : high[1], low[0] : high[0]]
    cut = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cut, np.concatenate([box[:2] - low, box[2:]]) * scale


def _fading(width: int, height: int) -> np.ndarray:
    """Return 1 in the middle and less towards the edge, float32 [height, width]."""
    x, y = (np.minimum(np.arange(n) + 1, np.arange(n)[::-1] + 1) / (0.1 * n) for n in (width, height))
    share: np.ndarray = np.minimum(np.minimum(x[None], y[:, None]), 1).astype(np.float32)
    return share


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--labels", default=str(SAMPLES / "labels.json"), help="[FORMAT:]PATH, beside the images")
    parser.add_argument("options", nargs="*", help="of handpose predict")
    options = parser.parse_args()
    handpose = [sys.executable, "-c", "from handpose_cli.cli import cli; cli()"]
    with tempfile.TemporaryDirectory() as name:
        photos, out = Path(name, "photos"), Path(name, "out")
        photos.mkdir()
        count = write_photos(photos, options.labels)
        for tile in ([], ["--tile", "auto"], ["--tile", "400"]):
            started = time.perf_counter()
            call = [*handpose, "predict", photos, "-o", out, "--overwrite", "-q", *tile, *options.options]
            subprocess.run(call, check=True)
            seconds = time.perf_counter() - started
            call = [*handpose, "evaluate", "--labels", f"label-list:{photos / 'labels.json'}"]
            call += ["--predictions", out / "predictions.json", "--json"]
            found = json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout)["detection"]
            print(
                f"{' '.join(tile) or 'without --tile'}: {round(found['recall@iou0.5'] * count)} of {count} found, "
                f"precision {found['precision@iou0.5']:.2f}, {seconds / PHOTOS:.2f} s a photo",
                flush=True,
            )


if __name__ == "__main__":
    main()
