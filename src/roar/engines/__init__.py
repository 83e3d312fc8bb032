"""Engines that the project does not write: Spark, Ray and Milvus behind the functions that do the same in one process.

    milvus      the vectors of a release in a collection
    vectors     which vectors a service asks
    spark       a session, and near-duplicates on it
    encoding    who encodes the catalogue: what workers of any engine do
    ray         the catalogue's vectors by actors

Each is an extra (`pip install 'roar[spark]'`) and is imported by those alone who chose it.
"""

from importlib import import_module
from types import ModuleType

from roar.errors import InputError


def engine(package: str, *, extra: str, chosen: str) -> ModuleType:
    """An engine's package.

    Args:
        package: to import.
        extra: of this project, that installs it.
        chosen: the parameter and value that chose it.

    Raises:
        InputError: it is not installed.
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise InputError(
            f"{chosen}: {package} is not installed ({error}); pip install 'roar[{extra}]', or choose local."
        ) from error
