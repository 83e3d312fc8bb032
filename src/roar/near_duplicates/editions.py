"""Which of its kind a listing is: edition, release, platform, licence, bundle, as software, games and media have them.

"Photoworks pro 9 upg mac" and "Photoworks 9 professional" share a name and are two items. Two editions, releases or platforms
are loose contradictions, as other facts are. A licence or a bundle is what only one may say, and then counts: a title that
says nothing sells one full version, alone.
"""

import polars as pl

from roar.near_duplicates import lexicon

BEHIND = 3
"""Words behind "with" that may name what is sold with the product."""

_RELEASE = r"^(?:v|cs|mx|r)?\d{1,2}(?:\.\d{1,2})?$|^(?:19[89]|20[0-3])\d$"
_PEOPLE = r"^(?:users?|seats?|licen[cs]es?|pcs?|computers?|clients?)$"
_PARTS = r"^(?:in|cds?|dvds?|discs?|packs?|pk|disks?|bit|st|nd|rd|th|x)$"


def spelled_out(term: pl.Expr) -> pl.Expr:
    """Abbreviations of editions and platforms as whole words."""
    return term.replace(lexicon.ABBREVIATIONS)


def facts(tokens: pl.DataFrame) -> pl.DataFrame:
    """Editions, platforms and releases: `row`, `dimension`, `value`, `shown`.

    A number is a release only where the title speaks as those of software do: elsewhere it is a generation, a size or a count.
    """
    words = tokens.select("row", "word", "token", "after", plain=spelled_out(pl.col("word")))
    named = [
        words.filter(pl.col("plain").is_in(of)).select(
            "row", dimension=pl.lit(dimension), value=value, shown=pl.col("token")
        )
        for dimension, of, value in (
            ("edition", lexicon.SOFTWARE_EDITIONS, pl.col("plain")),
            ("platform", lexicon.PLATFORMS.keys(), pl.col("plain").replace(lexicon.PLATFORMS)),
        )
    ]
    spoken = words.filter(pl.col("plain").is_in(lexicon.SOFTWARE_CUES)).select("row").unique()
    counted = pl.col("after").str.contains(f"{_PEOPLE}|{_PARTS}").fill_null(False)
    numbers = words.filter(pl.col("token").str.contains(_RELEASE) & ~counted).join(spoken, on="row", how="semi")
    bare = pl.col("token").str.replace(r"^[a-z]+", "").str.replace(r"\.0+$", "")
    lettered = pl.col("token").str.extract(r"^(cs|mx)").fill_null("")
    release = numbers.select(
        "row", dimension=pl.lit("release"), value=pl.concat_str(lettered, bare), shown=pl.col("token")
    )
    return pl.concat([*named, release]).unique(maintain_order=True)


def claims(tokens: pl.DataFrame) -> pl.DataFrame:
    """What makes a listing another item than the plain one, wherever only one of two says it: distinct `row`, `noun`."""
    plain = spelled_out(pl.col("word"))
    licences = tokens.select("row", noun=plain.replace_strict(lexicon.LICENCES, default=None, return_dtype=pl.String))
    people = tokens.filter(
        pl.col("word").str.contains(r"^\d{1,3}$") & (pl.col("word") != "1") & pl.col("after").str.contains(_PEOPLE)
    ).select("row", noun=pl.format("{} users", "word"))
    return pl.concat([licences.drop_nulls(), people, bundled(tokens)]).unique(maintain_order=True)


def bundled(tokens: pl.DataFrame) -> pl.DataFrame:
    """What is sold with the product, as `row`, `noun`: "camera with leather case", "drill and battery kit"."""
    noun = pl.col("word").str.replace(r"(?:e?s)$", "")
    things = tokens.with_columns(noun=pl.when(noun.is_in(lexicon.BUNDLED)).then(noun).otherwise("word"))
    things = things.filter(pl.col("noun").is_in(lexicon.BUNDLED)).select("row", "position", "noun")
    joined = tokens.filter(pl.col("word").is_in(lexicon.WITH)).select("row", start="position")
    near = things.join(joined, on="row").filter((pl.col("position") - pl.col("start")).is_between(1, BEHIND))
    return near.select("row", "noun").unique(maintain_order=True)
