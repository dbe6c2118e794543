"""Evaluators for frameworks."""
