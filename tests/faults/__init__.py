"""Planted faults: each takes one guard away, and the test that watches it must turn red."""
