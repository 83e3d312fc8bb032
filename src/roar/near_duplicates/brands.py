"""Which brands are one, and which a title speaks of: "dj tech" and "dj-tech", "hp" and "hewlett packard".

Two columns that name different brands are no contradiction where one brand is the head of the other's name ("encore", "encore
software"), where one listing's title speaks of the other's brand, or where listings of one model number say that two names are one.
"""

import polars as pl

from roar.near_duplicates.model_numbers import without_served

ALIASES, SHARE = 3, 0.5
"""Sure pairs that name two brands before these are one, at least, and their share of the sure pairs of the rarer name."""


def mentioned(tokens: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """The brands that titles speak of: distinct `row`, `brand`; what an accessory serves is none of them.

    Args:
        tokens: of the titles (`wording.analyse`).
        named: the declared facts, of which brands are known.
    """
    known = named.filter(pl.col("dimension") == "brand").select(brand="value").unique()
    words = ["word"], ["before", "word"], ["before_that", "before", "word"]
    tokens = without_served(tokens) if len(known) else tokens.clear()
    spoken = [tokens.select("row", brand=pl.concat_str(of)).join(known, on="brand", how="semi") for of in words]
    return pl.concat(spoken).unique(maintain_order=True)


def heads(names: pl.DataFrame) -> pl.DataFrame:
    """Brands whose name begins with another's: `brand`, `other`; `names` holds `brand` (squeezed) and `shown` (in words)."""
    words = pl.col("shown").str.extract_all(r"[\p{L}\p{M}\d]+")
    shorter = names.with_columns(words=words).filter(pl.col("words").list.len() > 1)
    beginnings = [
        shorter.filter(pl.col("words").list.len() > length).select(
            "brand", other=pl.col("words").list.head(length).list.join("")
        )
        for length in (1, 2)
    ]
    return pl.concat(beginnings).join(names.select(other="brand"), on="other", how="semi").unique(maintain_order=True)


def aliases(pairs: pl.DataFrame) -> pl.DataFrame:
    """Names that are one brand: `brand`, `other`, from the brands (`one`, `other`) of pairs that are surely one item."""
    both = pl.concat([pairs.select(brand="one", other="other"), pairs.select(brand="other", other="one")])
    counted = both.group_by("brand", "other", maintain_order=True).agg(pairs=pl.len())
    share = pl.col("pairs") / pl.col("pairs").sum().over("brand")
    told = counted.filter((pl.col("brand") != pl.col("other")) & (pl.col("pairs") >= ALIASES) & (share >= SHARE))
    return told.select("brand", "other")
