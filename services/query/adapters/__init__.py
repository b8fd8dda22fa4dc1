"""What fills the ports of query: PostgreSQL, files and archives."""
