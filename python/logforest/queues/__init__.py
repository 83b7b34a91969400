"""Queues: between acceptance and storage. ``base`` is the contract, the others implement it."""
