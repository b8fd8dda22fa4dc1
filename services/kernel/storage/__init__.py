"""The object store: its port and the adapter for everything that speaks S3."""
