"""What can be read off frozen features."""
