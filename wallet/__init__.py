"""Organisations and their people, money, accounts and the ledger: the layer everything else stands on."""
