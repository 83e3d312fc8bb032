"""Model numbers: the strongest sign that two listings are one item, in the many ways in which they are written."""

import polars as pl

from roar.attributes.units import UNITS
from roar.attributes.words import FOR_WORDS, PACK_OF, SIZE_WORDS
from roar.near_duplicates import lexicon, wording

_UNIT_WORDS = frozenset(
    spelling for spelling in UNITS if len(spelling) > 2
)  # shorter ones are heads of models: WH-1000

SERVED_WORDS = 4
"""Words after "for" that may name what an accessory serves."""


def codes(tokens: pl.DataFrame, declared: pl.DataFrame) -> pl.DataFrame:
    """Model numbers: `row`, `code`, `stem` (a colour or region suffix stripped), `tail` (a line's letters stripped, null if too short), `piece` (the longest part between separators that is a model number itself: "son-dscw530", "dscw530/us"; null if none), `family` (its shape), `own`, `titled`, `spoken`.

    "rs 120" is read as "rs120" too, but so short a joined form may only agree (`own` is false): chance writes it as well.
    A number after "for" is that of what an accessory serves ("battery for Latitude E6400"), and none of its own. What any column
    states may agree with a title; `own` are those of columns named for it.
    """
    tokens = without_served(tokens)
    year = pl.col("word").str.contains(r"^(?:19|20)\d\d$")
    own = tokens.filter("is_code").select(
        "row", code=pl.col("word"), own=True, titled=True, spoken=True, piece=_piece(pl.col("token"))
    )
    joined = tokens.filter(
        pl.col("before").str.contains(r"^\p{L}{1,5}$")
        & ~pl.col("before").is_in(SIZE_WORDS | _UNIT_WORDS | lexicon.FUNCTION_WORDS | PACK_OF)
        & pl.col("word").str.contains(r"^\p{L}?\d{2,}[\p{L}\d]{0,6}$")
    ).select(
        "row",
        code=pl.concat_str("before", "word"),
        own=pl.col("word").str.contains(r"\d{4}") & ~year,
        titled=False,
        spoken=True,
        piece=pl.lit(None, dtype=pl.String),
    )
    stated = (
        wording.vocabulary(declared["token"].unique())
        .join(declared, on="token")
        .filter(pl.col("named") | pl.col("is_code"))
    )
    stated = stated.select(
        "row",
        code=pl.col("token").str.replace_all(r"[^\p{L}\d]", ""),
        own=pl.col("named") & pl.col("token").str.contains(r"\d"),
        titled=False,
        spoken=False,
        piece=_piece(pl.col("token")),
    )
    numbered = stated.filter("own").select("code").unique()
    spoken = [
        tokens.filter(pl.col("word").str.contains(r"\d") & ~pl.col("is_code")).select(
            "row",
            code=pl.concat_str(words),
            own=False,
            titled=False,
            spoken=True,
            piece=pl.lit(None, dtype=pl.String),
        )
        for words in (["before", "word"], ["before_that", "before", "word"], ["word", "after"])
    ]
    told = pl.concat(spoken).join(numbered, on="code", how="semi")
    both = pl.concat([own, stated, joined, told]).filter(pl.col("code").str.len_chars() >= 4)
    stem = pl.col("code").str.extract(r"^(.{2,}\d)\p{L}{1,5}$")
    digits = pl.col("code").str.extract(r"^\p{L}{2,5}(\d+[\p{L}\d]+)$")  # kdl-26m4000
    enough = digits.str.contains(r"\p{L}.*\d{2}|\d{2}.*\p{L}|\d{5}") & (digits.str.len_chars() >= 5)
    lettered = pl.col("code").str.extract(r"^\p{L}{2,4}(\p{L}\d{3,}[\p{L}\d]*)$")  # dsc-w530
    tail = pl.when(enough).then(digits).otherwise(lettered)
    return (
        both.group_by("row", "code")
        .agg(pl.col("own", "titled", "spoken").any(), pl.col("piece").drop_nulls().first())
        .with_columns(
            stem=pl.when(stem.str.len_chars() >= 5).then(stem).otherwise("code"),
            family=_family(pl.col("code")),
            tail=tail,
        )
    )


def _piece(token: pl.Expr) -> pl.Expr:
    """The longest part between separators that has letters and two digits or more, four characters at least, where it is not all."""
    parts = token.str.extract_all(r"[\p{L}\d]+")
    part = pl.element()
    numbers = (part.str.len_chars() >= 4) & part.str.contains(r"\p{L}") & (part.str.count_matches(r"\d") >= 2)
    coded = parts.list.eval(part.filter(numbers).sort_by(part.filter(numbers).str.len_chars(), descending=True))
    return pl.when(parts.list.len() > 1).then(coded.list.first())


def without_served(tokens: pl.DataFrame) -> pl.DataFrame:
    """Tokens without the few that follow a word such as "for" in the title of an accessory: they name what it serves."""
    words = tokens.filter(pl.col("word").is_in(FOR_WORDS)).select("row", "position")
    spans = words.join(wording.served(tokens).select("row").unique(), on="row", how="semi")
    named = spans.with_columns(
        position=pl.concat_list(pl.col("position") + place for place in range(1, SERVED_WORDS + 1))
    ).explode("position")
    return tokens.join(named, on=["row", "position"], how="anti", maintain_order="left")


def _family(code: pl.Expr) -> pl.Expr:
    """The shape of a code, letters kept up to the first digit: "lc42d85u" is "lc00a00a"."""
    head = code.str.extract(r"^(\p{L}*)").fill_null("")
    tail = code.str.replace(r"^\p{L}*", "").str.replace_all(r"\d", "0").str.replace_all(r"\p{L}", "a")
    return pl.concat_str(head, tail)
