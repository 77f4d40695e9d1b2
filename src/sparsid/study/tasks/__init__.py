"""The kinds of study, one package each: simulate, prune, map."""
