"""What render reaches outside with."""
