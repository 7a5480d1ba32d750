"""The study of real clips: what followed regions of ordinary video teach about viewpoint."""
