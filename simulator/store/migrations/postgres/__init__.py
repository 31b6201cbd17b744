"""Migrations of the PostgreSQL store."""
