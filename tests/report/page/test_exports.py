"""What leaves the project to be opened elsewhere: texts stay texts, and no table takes another's place."""

import csv as reader
import io

import polars as pl
import pytest
from fabricated_evaluation import Fabricated

from roar.report.evaluation import Evidence
from roar.report.evaluation.wide_tables import wide_tables
from roar.report.page import csv, latex, markdown
from roar.report.page.wording import distinct_anchors

FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_and_no_header_of_a_csv_starts_a_formula(text):
    frame = pl.DataFrame({"title": [text, "lamp", None], text: ["a", "b", "c"], "n": [-1.5, 2.0, None]})
    header, first, *rest = reader.reader(io.StringIO(csv(frame)))
    assert header == ["title", f"'{text}", "n"] and first[0] == f"'{text}" and first[2] == "-1.5"
    assert [row[0] for row in rest] == ["lamp", ""]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("^^5cinput{x}", r"\textasciicircum{}\textasciicircum{}5cinput\{x\}"),
        ("a~b\\c", r"a\textasciitilde{}b\textbackslash{}c"),
        ("two\r\nlines\u2028here", "two lines here"),
        ("[1em] *", "{[}1em{]} {*}"),
        ("$x$ 5% #1 a_b", r"\$x\$ 5\% \#1 a\_b"),
    ],
)
def test_latex_runs_nothing(text, escaped):
    assert latex(["a"], [[text]]).splitlines()[4] == rf"{escaped} \\"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b\nc", r"a\|b c"),
        ("a\\|b", r"a\\\|b"),
        ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
        ("[x](javascript:y)", r"\[x\](javascript:y)"),
        ("![x](http://y) `z`", r"!\[x\](http://y) \`z\`"),
    ],
)
def test_a_markdown_cell_stays_a_cell_of_text(text, escaped):
    assert markdown(["a"], [[text]]).splitlines()[2] == f"| {escaped} |"


def test_slices_whose_names_differ_by_symbols_have_files_of_their_own(fabricated: Fabricated) -> None:
    """Each name holds its own figures; names that are alike in letters and symbols are told apart as well."""
    names = ["C++", "C#", "gains vertical", "days left", "days_left", "Brand", "brand", "日本"]
    rows = fabricated.metrics.filter(slice="vertical")
    renamed = [rows.with_columns(slice=pl.lit(name), mean=pl.lit(place / 10)) for place, name in enumerate(names)]
    evidence = fabricated.evidence
    more = Evidence(pl.concat([evidence.metrics, *renamed]), evidence.comparisons, evidence.config, evidence.measured)
    texts = wide_tables(more)
    files = [name for name in texts if name.startswith("judged") and name.endswith(".parquet")]
    wide = [pl.read_parquet(io.BytesIO(bytes(texts[name]))) for name in files]
    means = {table["mean_base"][0] for table in wide if "mean_base" in table.columns}
    assert {place / 10 for place in range(len(names))} <= {round(mean, 6) for mean in means}
    assert {"judged_c_plus_plus.csv", "judged_c_number.csv", "judged_vertical.csv"} <= set(texts)


def test_anchors_are_distinct_and_plain_ones_stay_plain():
    names = [("a", "vertical"), ("a", "C++"), ("a", "C#"), ("a", "C + +"), ("a", "x y"), ("a", "x_y"), ("a", "!")]
    anchors = distinct_anchors(names)
    assert len(set(anchors.values())) == len(names) and anchors["a", "vertical"] == "a-vertical"


def test_markdown_and_latex_escape_their_own_characters() -> None:
    assert markdown(["a", "b"], [["x|y", "1.5"]]) == "| a | b |\n| --- | ---: |\n| x\\|y | 1.5 |\n"
    assert latex(["50%", "n"], [["a & b_c", "−1.5"]]).splitlines()[2:5:2] == [r"50\% & n \\", r"a \& b\_c & $-$1.5 \\"]
