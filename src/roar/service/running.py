"""`roar serve`: the release is loaded, then the port is opened; at the end what was accepted is answered."""

import logging
import logging.config
import os
from typing import Any

from roar.service.settings import Settings

GRACE_S = 15
"""How long requests under way may take once the service is told to end."""


def run(settings: Settings, host: str, port: int) -> None:
    """Serve until the process is told to end.

    Raises:
        InputError: no release is there, or it is damaged.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before an engine is loaded: a search takes one core
    logging.config.dictConfig(_LOGGING)
    import uvicorn

    from roar.service.app import create_app
    from roar.service.releases import Releases
    from roar.service.rooms import rooms

    releases = Releases(settings)
    app = create_app(settings, releases=releases, **rooms(settings, releases))
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=2048,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE_S,
    )


_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        "json": {"format": "%(message)s"},
    },
    "handlers": {
        "told": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"},
        "access": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"},
    },
    "root": {"level": "INFO", "handlers": ["told"]},
    "loggers": {"roar.service.access": {"level": "INFO", "handlers": ["access"], "propagate": False}},
}
