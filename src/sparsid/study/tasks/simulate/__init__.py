"""Networks that simulate a plant: trained, and judged on long free runs."""
