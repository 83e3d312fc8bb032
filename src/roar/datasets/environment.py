"""Environment variables in the catalog: `${oc.env:NAME}`."""

import os

from roar.errors import InputError


def environment_variable(name: str, default: str | None = None) -> str:
    """Return the environment variable `name`, or `default` where one is given.

    Raises:
        InputError: the variable is unset and there is no default.
    """
    value = os.environ.get(name, default)
    if not value:
        raise InputError(
            f"The environment variable {name} is not set; set it to the folder or value that conf/ expects."
        )
    return value
