"""The object store behind one port."""
