"""What do we know of a declaration? It records them, answers questions, forgets after custody."""
