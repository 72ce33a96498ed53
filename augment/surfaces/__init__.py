"""Procedural inspection surfaces and defects with exact masks and known factors: for demo, tests and pretraining."""
