"""Networks pruned weight by weight: judged along the whole path."""
