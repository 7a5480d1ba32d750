"""Move a batch of boxes from one frame to the next."""
