"""Steps, in the order a row meets them; integrate.py strings them together."""
