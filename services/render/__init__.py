"""Render: draws the printed forms, makes the data files and builds the bundles."""
