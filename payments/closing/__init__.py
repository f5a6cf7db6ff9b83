"""The daily close: orders, Stripe, bank and ledger side by side, each difference named, and the day signed."""
