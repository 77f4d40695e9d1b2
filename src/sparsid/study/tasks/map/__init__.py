"""Networks fitted to known functions from many starts."""
