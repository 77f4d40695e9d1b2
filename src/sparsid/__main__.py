"""`python -m sparsid`: the command line, where no script is on the path."""

from sparsid.cli import main

main()
