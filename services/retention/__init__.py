"""Retention: lets every file go at its end, and proves it."""
