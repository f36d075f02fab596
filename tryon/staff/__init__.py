"""What staff's pages about jobs are made of."""
