"""Backup: taken, listed, restored to an instant, replayed, tried out."""
