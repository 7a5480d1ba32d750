"""Synthetic factors on any image set: images changed by a known amount, and what features keep."""
