"""How pages write what no template formats: staff's, mostly."""
