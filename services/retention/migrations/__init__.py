"""The history of retention's database; names begin pre_ or post_."""
