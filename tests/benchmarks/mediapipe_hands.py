"""The peer of `speed.py`: MediaPipe Hands in a loop, as a user writes it; run by Python with mediapipe 0.10.21:

    python tests/benchmarks/mediapipe_hands.py INPUT OUTPUT.json

INPUT is a folder of photos (static mode) or a video (video mode). Prints how many pictures and hands there were.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import mediapipe as mp


def pictures(path: Path):
    if path.is_dir():
        for file in sorted(path.iterdir()):
            yield file.name, cv2.imread(str(file))
        return
    video, number = cv2.VideoCapture(str(path)), 0
    while True:
        there, picture = video.read()
        if not there:
            return
        yield number, picture
        number += 1


def main(source: Path, target: Path) -> None:
    results, hands = [], 0
    with mp.solutions.hands.Hands(static_image_mode=source.is_dir(), max_num_hands=2) as network:
        for name, picture in pictures(source):
            height, width = picture.shape[:2]
            found = network.process(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)).multi_hand_landmarks or []
            points = [[[joint.x * width, joint.y * height] for joint in hand.landmark] for hand in found]
            results.append({"file": name, "hands": points})
            hands += len(points)
    target.write_text(json.dumps(results), encoding="utf-8")
    print(json.dumps({"images": len(results), "hands": hands}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
