"""The broker: what exists there, how messages are handled, published and asked for."""
