"""The history of query's database; names begin pre_ or post_."""
