"""What the service is given beside its core, as an environment's settings say: log, experiment, page, judgments."""

from typing import Any

from roar.errors import InputError, did_you_mean
from roar.parameters.serve_log import ServeExperiment
from roar.service import recording
from roar.service.hooks import Experiment
from roar.service.logs import SearchLog
from roar.service.page import page
from roar.service.recording import Recorder
from roar.service.releases import Releases
from roar.service.settings import Settings
from roar.service.trial import Trial

SERVED = "01_raw/served"
"""Where the log lies in an environment's data."""


def rooms(settings: Settings, releases: Releases) -> dict[str, Any]:
    """Arguments of `create_app`.

    Raises:
        InputError: the experiment names an unknown system, another process writes the log, or the disk refuses.
    """
    experiment, given = settings.serve.experiment, settings.serve.log
    for system in experiment.variants.values() if experiment else ():
        if system not in releases.searcher.systems:
            raise InputError(
                f"serve.experiment: no system {system!r}; {did_you_mean(system, releases.searcher.systems)}"
            )
    log = None
    if settings.data is not None and given.kept:
        log = Recorder(SearchLog(settings.data / SERVED, given), experiment.variants if experiment else None)
    return {"log": log, "experiment": _trial(experiment), "routers": [recording.router, page(settings)]}


def _trial(config: ServeExperiment | None) -> Experiment | None:
    return None if config is None else Trial(config)
