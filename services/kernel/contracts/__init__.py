"""What rooms say to each other: events, RPC questions and answers. Frozen dataclasses only."""
