"""Merge the small shards of a track store into large ones."""
