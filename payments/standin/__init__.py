"""A small stand-in for Stripe: a process of its own on loopback, for the demo and the tests.

It imports nothing of the project and the project imports nothing of it; both only speak HTTP.
"""
