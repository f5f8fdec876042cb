"""The same hand in successive frames: follow it, link it to a track, smooth its motion."""
