"""Decoders beside PyAV: they give the reference's frames, or refuse a file by name."""
