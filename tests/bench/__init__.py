"""Benchmarks: what people wait for, beside other tools that do the same."""
