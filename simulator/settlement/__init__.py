"""What a bank and its merchant compare at the end of a business day: rows, totals, and their files.

Rule: pure values and functions. One file format a module; none of them knows a bank, a store or a clock.
"""
