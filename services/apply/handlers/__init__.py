"""The use cases, one function each; what they need comes as arguments."""
