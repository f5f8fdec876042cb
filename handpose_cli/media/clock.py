"""When a video's frames are shown."""

from __future__ import annotations

import math

import av


class Clock:
    """Gives frames' times as libavformat's "best effort" does: by their pts, or by their dts where these are in better
    order (AVI has no pts, and what libavformat makes up is wrong with B-frames), or else by the frame rate.
    """

    def __init__(self, step: float, trust_pts: bool = True):
        self._step = step  # from frame to frame, in seconds
        self._faults = {"pts": 0 if trust_pts else 1, "dts": 0}
        self._last = {"pts": -math.inf, "dts": -math.inf}
        self._known, self._since = 0.0, -1  # the last known time, and the frames since then; -1: none was before

    def time(self, frame: av.VideoFrame) -> float:
        """Return the time of the next frame, in seconds."""
        ticks = {"pts": frame.pts, "dts": frame.dts}
        for name, value in ticks.items():
            if value is not None:
                self._faults[name] += value <= self._last[name]
                self._last[name] = value
        better = "pts" if ticks["pts"] is not None and self._faults["pts"] <= self._faults["dts"] else "dts"
        value = ticks[better]
        self._since += 1
        if value is None or frame.time_base is None:
            return self._known + self._since * self._step
        time = float(value * frame.time_base)
        if self._since == 1 and time > self._known:
            self._step = time - self._known
        self._known, self._since = time, 0
        return time
