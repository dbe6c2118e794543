"""Stored results of other programs, and the scripts that compute them."""
