"""Scenes against objects: the parts of ``study_dataset_bias.py``."""
