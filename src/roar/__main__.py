"""`python -m roar` and the `roar` command: the same as `kedro run` from within the project."""

import sys
from pathlib import Path

from kedro.framework.cli.utils import find_run_command
from kedro.framework.project import configure_project


def main() -> None:
    """Run the project's pipelines; takes the options of `kedro run`."""
    package = Path(__file__).parent.name
    configure_project(package)
    find_run_command(package)(standalone_mode=True, args=sys.argv[1:])


if __name__ == "__main__":
    main()
