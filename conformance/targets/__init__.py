"""Connectors that the suite can be pointed at: target files, and the sample portal they describe."""
