"""The tests; shared pieces: samples, worlds, portals, postgres."""
