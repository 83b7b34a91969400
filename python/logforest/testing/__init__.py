"""Private throw-away servers for tests and benchmarks (never used by the library itself)."""
