"""Charts that Kedro-Viz shows, written as a whole or not at all."""

from pathlib import Path

import plotly.graph_objects as go
from kedro_datasets.plotly import JSONDataset

from roar.files import replaced_file


class Chart(JSONDataset):
    """Kedro's plotly dataset in a local file, which an unfinished write does not spoil."""

    def save(self, data: go.Figure) -> None:
        """Write the whole figure, or nothing."""
        with replaced_file(Path(self._filepath)) as part:
            part.write_text(data.to_json(**self._save_args), encoding="utf-8", newline="\n")
