"""Names of the errors stored for every pruned network, and of networks chosen from a path."""

ERRORS = ("train", "validation", "test")

# A network chosen from a path -> its description.
CHOICES = {
    "best": "least validation error",
    "smallest": "smallest, not worse on validation",
    "exploding": "last before the error explodes",
    "last": "last of the path",
}
