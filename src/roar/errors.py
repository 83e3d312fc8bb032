"""The one exception that a person, not a programmer, is meant to read."""


class InputError(ValueError):
    """Something in the data, the parameters or the machine is not as expected, and the reader can mend it.

    The message names the table, column, row or parameter, says what was expected, and what to do. The command line
    prints it as a single line, without a traceback.
    """
