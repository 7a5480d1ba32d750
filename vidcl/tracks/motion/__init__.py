"""What one pair of frames tells: flow, the camera's part of it, and what moves besides."""
