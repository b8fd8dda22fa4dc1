"""What retention reaches outside with."""
