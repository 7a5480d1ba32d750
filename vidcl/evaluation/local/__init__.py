"""Intermediate feature maps: what their clusters show."""
