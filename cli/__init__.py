"""The siseri command: argument parsing and printing, nothing else."""
