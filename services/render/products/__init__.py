"""What render makes: printed forms, data files, bundles."""
