"""Measure proposers, trackers and judgement on clips whose true boxes are known."""
