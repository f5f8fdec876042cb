"""What an hourglass's outputs are called."""

HAND_OUTPUT = "hand"  # logits: that the crop shows a hand; that it is a right one


def heatmaps_name(stack: int) -> str:
    """Return the output of a stack, counted from 1."""
    return f"stack{stack}_heatmaps"
