"""The program beside the card reader; it carries nothing of the servers."""
