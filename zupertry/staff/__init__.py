"""Staff's site: its door, its groups, and the pages that need several apps at once."""
