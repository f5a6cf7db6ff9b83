"""Pages of products that no other app has a part in."""
