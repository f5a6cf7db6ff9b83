"""Orders and what becomes of them; the only app that posts for an order."""
