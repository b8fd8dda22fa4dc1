"""Every outsider's door: the HTTP API, its stream of changes and the public pages."""
