"""Tables for other programs: CSV for spreadsheets, Markdown, LaTeX. A shop's texts stay texts wherever they are opened.

A spreadsheet runs what starts like a formula, TeX every command, a Markdown viewer HTML and links: titles and queries come from
anybody, so each format gets its own escapes. Numbers are numbers and pass as they are.
"""

from collections.abc import Sequence

import polars as pl

Rows = Sequence[Sequence[str]]

_FORMULA = r"^\s*[=+\-@＝＋－＠]|^[\t\r\n]"
"""How a cell starts that Excel, LibreOffice or Google Sheets may run (OWASP, CSV injection)."""

_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "−": "$-$", ">": "$>$", "<": "$<$",
        "|": r"\textbar{}", '"': "''", "[": "{[}", "]": "{]}", "*": "{*}", "`": r"\textasciigrave{}",
        **{character: f"\\{character}" for character in "&%$#_{}"},
    }
)  # fmt: skip
"""Brackets and stars too: after the end of a row they would be its options."""

_MARKDOWN = str.maketrans({**{c: f"\\{c}" for c in "\\`|[]"}, "<": "&lt;", ">": "&gt;", "&": "&amp;"})


def csv(frame: pl.DataFrame) -> str:
    """CSV with a header; a text (or a column's name) that starts like a formula gets an apostrophe, which spreadsheets hide."""
    text = pl.col(pl.String, pl.Categorical, pl.Enum).cast(pl.String)
    guarded = pl.when(text.str.contains(_FORMULA)).then("'" + text).otherwise(text)
    names = pl.Series(frame.columns, dtype=pl.String)
    frame = frame.rename({name: f"'{name}" for name in names.filter(names.str.contains(_FORMULA))})
    return frame.with_columns(guarded.name.keep()).write_csv()


def markdown(header: Sequence[str], rows: Rows) -> str:
    """A pipe table; figures to the right, which are those columns that start with a digit or sign in the first row."""
    marks = ["---:" if rows and _is_figure(text) else "---" for text in (rows[0] if rows else header)]
    lines = [_line(header, _MARKDOWN), marks, *[_line(row, _MARKDOWN) for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def latex(header: Sequence[str], rows: Rows) -> str:
    """A booktabs tabular."""
    columns = "".join("r" if rows and _is_figure(text) else "l" for text in (rows[0] if rows else header))
    head, *body = [r" & ".join(_line(row, _LATEX)) + r" \\" for row in (header, *rows)]
    lines = [
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        head,
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str], escapes: dict[int, str]) -> list[str]:
    """Cells escaped, each on one line and without control characters."""
    return ["".join(c for c in " ".join(cell.split()) if c.isprintable()).translate(escapes) for cell in cells]


def _is_figure(text: str) -> bool:
    return text[:1] in "+−–0123456789" and " x " not in text
