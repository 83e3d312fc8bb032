"""What an application is made from: a release and how to serve it."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from roar.parameters.engines import Engines
from roar.parameters.serve import Serve


class Settings(BaseModel):
    """Where the release lies, and the environment's block `serve`."""

    model_config = ConfigDict(frozen=True)

    release: Path
    """Folder of a release; its current version is served, and the next one as soon as it is there."""
    serve: Serve = Serve()
    engines: Engines = Engines()
    """`vectors` says what the served release's dense hits are asked of."""
    data: Path | None = None
    """Root of the environment's data, beside the release: judgments, report and logs lie there."""
