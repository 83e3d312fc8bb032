"""The release's section: which index was chosen and from what, and what storing vectors in fewer bits costs.

Its latencies are of the machine that made the release, so this section, unlike the others, differs from run to run.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import plotly.graph_objects as go
import polars as pl

from roar.plots import colours_of, styled
from roar.report.page.section import Block, Expandable, Fact, Facts, Section, chart, table

if TYPE_CHECKING:
    from roar.retrieval import Manifest

_NAMES = {
    "index": "Index",
    "probes": "Probes",
    "candidates": "Candidates a place",
    "recall": "Recall@100",
    "p50_ms": "p50, ms",
    "p99_ms": "p99, ms",
    "bytes_per_vector": "Bytes a product",
    "memory_mb": "Memory, MB",
    "build_s": "Build, s",
    "chosen": "Chosen",
}
_HELP = {
    "index": "FAISS factory string; Flat scans the stored vectors.",
    "probes": "Lists visited (nprobe) or candidates kept by the graph (efSearch).",
    "candidates": "Entries fetched for each place and scored again on stored vectors (float16).",
    "recall": "Share of the exactly best 100 products that come back.",
    "p50_ms": "One query, 100 products, on one core, without encoding it.",
}
_STORAGE = {
    "precision": "Stored as",
    "dimension": "Dimensions",
    "bytes": "Bytes a vector",
    "recall@100": "Recall@100",
    "ndcg@8": "NDCG@8, full catalogue",
}


def release_section(manifest: "Manifest", frontier: pl.DataFrame, storage: pl.DataFrame, recall: float) -> Section:
    """Build the section.

    Args:
        manifest: of the release.
        frontier: what was measured (`roar.retrieval.frontier.FRONTIER`, and chosen).
        storage: precision, dimension, bytes, recall@100, ndcg@8.
        recall: that was asked for.
    """
    alternative = (
        "Recall@100 over the median latency of one query, a line for each kind of index; the chosen one is marked."
    )
    caption = f"Recall and latency of every index tried over {manifest.products:,} products"
    note = f"The fastest that keeps a recall of {recall:g} is chosen; of those as fast to within a tenth, the one that finds most."
    rows = frontier.sort("p50_ms").select(*_NAMES)
    blocks: list[Block] = [
        Facts(facts=_facts(manifest, frontier)),
        chart(caption, frontier_chart(frontier, recall), alternative=alternative, note=note),
        Expandable(title="Every index that was tried", blocks=(table(rows, caption, decimals=3, names=_NAMES, help_texts=_HELP),)),
        table(
            storage,
            "What fewer bits and dimensions cost",
            names=_STORAGE,
            note="Exact scans, queries that validate; recall of the best 100 by all dimensions in float32. Binary keeps signs "
            "and scores the best 400 again on int8, which its bytes include.",
        ),
    ]  # fmt: skip
    return Section(title="Release", anchor="release", order=50, blocks=tuple(blocks))


def frontier_chart(frontier: pl.DataFrame, recall: float) -> go.Figure:
    """Recall over median latency, a line for each kind of index at each number of candidates."""
    figure = go.Figure()
    kinds = frontier["index"].unique(maintain_order=True).to_list()
    colours = colours_of(kinds)
    for (kind, candidates), rows in frontier.sort("p50_ms").group_by("index", "candidates", maintain_order=True):
        name = f"{kind} ×{candidates}" if candidates != 1 else str(kind)
        figure.add_scatter(
            name=name,
            x=rows["p50_ms"].to_list(),
            y=rows["recall"].to_list(),
            mode="lines+markers",
            line={
                "color": colours[str(kind)],
                "width": 1 + 0.5 * min(int(candidates), 4),
                "dash": "dot" if candidates == 1 else None,
            },
            customdata=rows.select("probes", "bytes_per_vector").rows(),
            hovertemplate="%{y:.3f} at %{x:.2f} ms<br>%{customdata[0]} probes, %{customdata[1]:.0f} bytes a product"
            f"<extra>{name}</extra>",
        )
    chosen = frontier.filter("chosen")
    figure.add_scatter(
        name="chosen",
        x=chosen["p50_ms"].to_list(),
        y=chosen["recall"].to_list(),
        mode="markers",
        marker={"size": 16, "symbol": "circle-open", "color": "#1d2733", "line": {"width": 2.5}},
    )
    styled(figure, height=420, x_title="Median latency of one query, ms", y_title="Recall@100")
    figure.add_hline(y=recall, line={"dash": "dash", "width": 1, "color": "#7b8794"})
    return figure.update_xaxes(type="log")


def _facts(manifest: "Manifest", frontier: pl.DataFrame) -> tuple[Fact, ...]:
    chosen = frontier.filter("chosen").row(0, named=True)
    copies = manifest.products - manifest.entries
    return (
        Fact(label="Index", value=manifest.index, detail=f"{manifest.dimension} dimensions"),
        Fact(label="Recall@100", value=f"{chosen['recall']:.3f}", detail="against an exact scan"),
        Fact(label="One search", value=f"{chosen['p50_ms']:.2f} ms", detail=f"p99 {chosen['p99_ms']:.2f} ms, one core"),
        *_encoding(manifest.measured),
        Fact(label="Products", value=f"{manifest.products:,}", detail=f"{copies:,} near-copies share an entry"),
    )


def _encoding(measured: Mapping[str, float]) -> tuple[Fact, ...]:
    """What encoding one query takes, where both ways were measured."""
    if "query_onnx_ms" not in measured:
        return ()
    by_torch, by_onnx = measured["query_torch_ms"], measured["query_onnx_ms"]
    detail = (
        f"torch {by_torch:.1f} ms, ONNX Runtime {by_onnx:.1f} ms, smallest cosine {measured['query_onnx_cosine']:.5f}"
    )
    return (Fact(label="Encoding one query", value=f"{min(by_torch, by_onnx):.1f} ms", detail=detail),)
