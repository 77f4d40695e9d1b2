"""Names of what a study of pruning stores of every network: records, and choices from a path."""

ERRORS = ("train", "validation", "test")

# A network chosen from a path -> what it is.
CHOICES = {
    "best": "least validation error",
    "smallest": "smallest not worse on validation",
    "exploding": "last before the error explodes",
    "last": "last of the path",
}
