"""Staff's pages about money: a module for each thing that they look at."""
