"""A naive model of the registry: plain Python, one row at a time, written from the exchange contract alone.

It is slow and obvious on purpose. The property tests hold the vectorised engine against it.
"""
