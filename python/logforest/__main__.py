"""``python -m logforest`` is the command line."""

from logforest.cli import main

main()
