"""Stand-ins that ship with the product and pass the same conformance suite as the real parts."""
