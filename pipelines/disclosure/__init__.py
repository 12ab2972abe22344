"""Disclosure control: which figures of a table the public may see, and proof that the others cannot be worked out."""
