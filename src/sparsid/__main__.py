"""`python -m sparsid`: the command line without the script on the path."""

from sparsid.cli import main

main()
