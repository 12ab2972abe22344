"""Shapes: one module per exchange format, the code book, the nomenclatures."""
