"""`python -m enamel`."""

from enamel.cli import main

main()
