"""What fills the ports: PostgreSQL, and the register over RPC."""
