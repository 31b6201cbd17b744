"""The requirements: each written once, and asked of every bank and method that it fits."""
