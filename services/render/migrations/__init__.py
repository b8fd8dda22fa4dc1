"""The history of render's database; names begin pre_ or post_."""
