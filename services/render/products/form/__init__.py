"""The printed form of a declaration: what it says, where it stands, how it fits."""
