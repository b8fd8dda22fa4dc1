"""What auth reaches outside: SQL, X.509, revocation lists, randomness."""
