"""Text normalisation and tokens: one spelling for what shops write in many.

A token is what stands between blanks, with inner separators kept ("kdl-26m4000/k", "18-55mm", "1.5"), because whether
`-` joins a model number or separates two words is known only later, in `wording`.
"""

import polars as pl

from roar.text import ascii_digits, spaced, visible, without_accents

TOKEN = r"[\p{L}\p{N}][\p{L}\p{N}\p{M}]*(?:[-./+&'][\p{L}\p{N}\p{M}]+)*\+?"
"""Letters with their marks and digits, with single separators inside; a final plus is part of a name ("hero3+")."""

_REWRITES: tuple[tuple[str, str], ...] = (
    (r"<[^<>]{1,200}>|&[a-z]{2,6};|&#\d+;", " "),  # scraps of HTML
    (r'"?@[a-z]{2}(?:-[a-z]{2})?\b', " "),  # language tags of web data: "title"@en-gb
    (r'(^|[\s(|])["“”]([^\s"“”][^"“”]*)["“”]', "$1$2 "),  # quotation marks in pairs; what is left are inch marks
    (r"(\d)(?:\s?''|[\"“”″])", "$1 inch "),
    (r"(\d)\s?['’´]($|[\s)x-])", "$1 mark $2"),  # feet to some, inches to others
    (r"\bfl\.?\s?oz\b\.?", "floz "),
    (r"\bcu(?:bic)?\s?\.?\s?-?\s?(?:ft|feet|foot)\b\.?", "cuft "),
    (r"(\d)\s?(?:mega\s?pixels?|m\s?pix)\b", "$1 mp "),
    (r"(\d) ?(\d)\u2044(\d)", "$1-$2/$3"),  # 1½, composed
    (r"\u2044", "/"),
    (r"(\d) (\d/\d)", "$1-$2"),  # 1 1/2
    (r"(\d),(\d{3})\b", "$1$2"),  # thousands
    (r"(\d),(\d)", "$1.$2"),  # decimal comma
    (r"(\d)\s?([-/])\s(\d)", "$1$2$3"),
    (r"(\d) ([-.]\d)", "$1$2"),  # 010-10823 -01
)


def normalise(text: pl.Expr) -> pl.Expr:
    """Lower case, compatibility forms composed, accents and invisible marks dropped, digits ASCII, HTML and quotation marks out, inch marks spelled."""
    text = without_accents(text.fill_null("").str.replace_all(r"[®™©]", " "))
    text = ascii_digits(visible(text)).str.to_lowercase()
    for pattern, replacement in _REWRITES:
        text = text.str.replace_all(pattern, replacement)
    return text


LONGEST = 2000
"""Characters of a text that are read, so that a page pasted into a field cannot outweigh the catalogue."""


def tokens(products: pl.DataFrame, column: str) -> pl.DataFrame:
    """Split a text column: one line per token, `row` (UInt32, place in `products`), `position`, `token`.

    Texts are cut at `LONGEST`.
    """
    return (
        products.select(
            row=pl.int_range(pl.len(), dtype=pl.UInt32),
            token=spaced(normalise(pl.col(column).str.slice(0, LONGEST))).str.extract_all(TOKEN),
        )
        .explode("token")
        .drop_nulls("token")
        .with_columns(position=pl.int_range(pl.len(), dtype=pl.UInt32).over("row"))
        .select("row", "position", "token")
    )
