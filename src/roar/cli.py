"""`kedro run` with one change: what a person can mend is printed as one clear error, not as a traceback."""

import logging
import sys
from collections.abc import Callable
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.validation.exceptions import DataValidationError, ParameterValidationError

from roar.commands import index, search
from roar.errors import InputError

FOR_PEOPLE = (InputError, DataValidationError, ParameterValidationError)


@click.group(name="Roar")
def cli() -> None:
    """Commands of this project."""


def _plainly(function: Callable[..., Any] | None) -> Callable[..., Any]:
    assert function is not None

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            message = message_for_people(error)
            if message is None:
                raise
            logging.getLogger("roar").error(message)
            sys.exit(1)

    return call


def message_for_people(error: BaseException) -> str | None:
    """The message of the first error in the chain that is meant for a person; None where there is none."""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, FOR_PEOPLE):
            return str(link)
        link = link.__cause__ or link.__context__
    return None


run = click.Command(
    "run",
    callback=_plainly(kedro_run.callback),
    params=kedro_run.params,
    help=kedro_run.help,
    short_help="Run the pipelines.",
)
cli.add_command(run)
cli.add_command(search)
cli.add_command(index)
