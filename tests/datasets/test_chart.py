"""Charts are whole or not at all, and Kedro's own to read."""

import plotly.graph_objects as go
import pytest
from kedro_datasets.plotly import JSONDataset

from roar.datasets.chart import Chart


def test_a_chart_comes_back_and_a_save_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "charts" / "gains.json"
    figure = go.Figure(go.Bar(x=["a", "b"], y=[1, 3]))
    Chart(filepath=str(path)).save(figure)
    assert Chart(filepath=str(path)).load() == JSONDataset(filepath=str(path)).load() == figure
    monkeypatch.setattr(go.Figure, "to_json", lambda self: "half a ch\ud800rt")
    with pytest.raises(Exception, match="surrogates not allowed"):
        Chart(filepath=str(path)).save(go.Figure())
    assert Chart(filepath=str(path)).load() == figure and [p.name for p in path.parent.iterdir()] == ["gains.json"]
