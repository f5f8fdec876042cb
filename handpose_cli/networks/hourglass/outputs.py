"""What an hourglass's outputs are called."""

HAND_OUTPUT = "hand"  # logits: that the crop shows a hand; that it is a right one
POINTS_OUTPUT = "points"  # x and y of each joint in the crop's pixels, from its upper left corner, in one row


def heatmaps_name(stack: int) -> str:
    """Return the output of a stack, counted from 1."""
    return f"stack{stack}_heatmaps"
