"""The benchmarks: what a payment costs here, beside bare frameworks and the mock servers that people use instead."""
