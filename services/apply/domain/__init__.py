"""The nouns and rules of applications: no transport, no database, no clock of their own."""
