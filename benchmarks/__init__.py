"""Speed beside accuracy, each figure with what the arithmetic alone would take."""
