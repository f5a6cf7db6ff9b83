"""Money from outside: Stripe today, bank transfers next."""
