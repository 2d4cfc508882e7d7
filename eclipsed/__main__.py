"""``python -m eclipsed``: the same as the command ``eclipsed``."""

from eclipsed.commands.cli import main

if __name__ == "__main__":
    main()
