"""Synthetic national files with their expected outcomes."""
