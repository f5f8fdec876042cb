"""One answer from two of the same network: that of its maps, drawn to its coordinates where these are near."""

from __future__ import annotations

import numpy as np

# How near the coordinates must lie to the maps' answer to be believed, in the hand's size, and how far they are then.
# Of a hand that the network is less sure of they must lie nearer: all of `REACH` from the log-odds `SURE` on,
# `LEAST_TRUST` of it up to `NOT_SURE`. Of one that it is wholly sure of they may lie further away (`FIRM_REACH`), and
# are believed wholly. Chosen on joints that people marked, on photographs and on renders, of which it is not sure; see
# hourglass-lite.md.
REACH, BELIEVED = 0.09, 0.7
FIRM_REACH = 0.12
NOT_SURE, SURE, LEAST_TRUST = 3.0, 4.5, 0.25


def trust_in(is_hand: np.ndarray | None, hands: int) -> np.ndarray:
    """Return how far coordinates are trusted, float32 [n], `LEAST_TRUST` to 1.

    Args:
        is_hand: float32 [n], the probability that the crop shows a hand; None: the network does not say; it is trusted.
        hands: n.
    """
    if is_hand is None:
        return np.ones(hands, np.float32)
    inside = np.clip(is_hand, 1e-6, 1 - 1e-6)
    trust: np.ndarray = np.clip((np.log(inside / (1 - inside)) - NOT_SURE) / (SURE - NOT_SURE), LEAST_TRUST, 1.0)
    return trust.astype(np.float32)


def join(
    keypoints: np.ndarray, scores: np.ndarray, coordinates: np.ndarray, trust: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Draw joints to their coordinates, if these are near: where both agree the coordinates are the more exact ones.

    Where they differ the hand is a hard one, covered or bent, and the coordinates do not count.

    Args:
        keypoints: float32 [n, joints, 2] in pixels of each crop, and `scores` float32 [n, joints], 0 to 1.
        coordinates: float32 [n, joints, 2], likewise, and `trust` float32 [n], see `trust_in`.

    Returns:
        keypoints float32 [n, joints, 2], and scores float32 [n, joints]: as they were where both agree, and half of
        that where they do not.
    """
    size = np.maximum(np.ptp(keypoints, axis=1).max(axis=1), 1e-3)
    firm = trust >= 1
    reach, believed = np.where(firm, FIRM_REACH, REACH) * trust, np.where(firm, 1.0, BELIEVED)
    distance = np.linalg.norm(keypoints - coordinates, axis=-1) / (reach * size)[:, None]
    agreement = np.exp(-np.square(distance) / 2)
    joined = keypoints + (believed[:, None] * agreement)[..., None] * (coordinates - keypoints)
    return joined.astype(np.float32), (scores * (1 + agreement) / 2).astype(np.float32)
