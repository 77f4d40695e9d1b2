"""Networks pruned weight by weight, evaluated along the entire path."""
