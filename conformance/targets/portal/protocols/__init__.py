"""The banks' protocols as the portal speaks them: pure functions, one file a bank, signatures of its own making."""
