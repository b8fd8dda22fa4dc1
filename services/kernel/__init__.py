"""Mechanisms and contracts that every room stands on; no business rule lives here."""
