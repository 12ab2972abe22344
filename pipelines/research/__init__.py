"""Extracts for research: under an agreement, pseudonymised, with the risk of recognising somebody measured."""
