"""Stores: where accepted records live. ``base`` is the contract, the others implement it."""
