"""`python -m roar` and the `roar` command: `roar search` and `roar index` ask and change a release, all else is `kedro run`."""

import sys
from pathlib import Path

from roar.commands import released


def main() -> None:
    """Ask or change a release, or run the project's pipelines; takes the options of `kedro run`."""
    arguments = sys.argv[1:]
    if arguments and arguments[0] in {*released.commands, "--help"}:
        released()
    from kedro.framework.cli.utils import find_run_command  # a service starts without the pipelines
    from kedro.framework.project import configure_project

    package = Path(__file__).parent.name
    configure_project(package)
    find_run_command(package)(standalone_mode=True, args=arguments[arguments[:1] == ["run"] :])


if __name__ == "__main__":
    main()
