"""What a title says beside its quantities: words, model numbers, generations, and whom an accessory serves.

Quantities, colours, sizes, … are read by `roar.attributes`; what is here reads the tokens that they leave. A number is read
together with its neighbours: with the word before it ("hero 4"), glued to a word ("hero4"), counted ("2-line"), or mixed
with letters, as a model number ("dv7-1211ea", see `model_numbers`).
"""

import polars as pl

from roar.attributes.colours import COLOURS
from roar.attributes.words import AUDIENCES, FOR_WORDS, SIZE_WORDS
from roar.near_duplicates import lexicon
from roar.near_duplicates.editions import spelled_out

_NOT_A_CODE = "|".join(
    (
        r"^\d+-\d+(?:mm|cm|in)$|^\d{1,3}-\d{1,3}$",  # ranges
        r"^x\d+$|^\d+x\d*.*$",  # packs, magnifications, sizes such as 10x15
        r"^\d+(?:\.\d+)?(?:st|nd|rd|th|s|k|hd|d|g|up)$",  # ordinals, 4k, 3d, 5g
        r"^\d{1,3}-?\p{L}{3,}$",  # counted nouns: 2-line
        r"^f/?\d{1,2}(?:\.\d+)?(?:-\d+(?:\.\d+)?)?\p{L}?$",  # apertures
        r"^\p{L}{4,}\d+\p{L}{4,}$",  # names with a number inside
        r"^802\.?11|^(?:usb|hdmi|dect|mpeg|mp|ddr|ip|wi)-?\d|://",  # standards, addresses
    )
)
"""Letters and digits that name no model."""

_SHORT_MODEL = r"^(?:\d{1,2}\p{L}|\p{L}{1,2}\d{1,2}\p{L}?)$"
"""80D, T7i, G10: too short to prove a match, long enough to contradict one."""


_NO_NAMES = lexicon.FUNCTION_WORDS | SIZE_WORDS | COLOURS.keys() | lexicon.SOFTWARE_EDITIONS | lexicon.LICENCES.keys()
"""Words before a number that do not name what it counts the generations of."""


def analyse(tokens: pl.DataFrame) -> pl.DataFrame:
    """Add what each token is, and its neighbours: the table that every extractor below reads.

    Columns added: `word` (separators out), `is_code`; the neighbouring words `before_that`, `before`, `after` and
    `after_that` (null at the ends).
    """
    known = tokens.join(vocabulary(tokens["token"].unique()), on="token", how="left", maintain_order="left")

    def neighbour(shift: int) -> pl.Expr:
        return pl.when(pl.col("row") == pl.col("row").shift(shift)).then(pl.col("word").shift(shift))

    return known.with_columns(
        before=neighbour(1), before_that=neighbour(2), after=neighbour(-1), after_that=neighbour(-2)
    )


def vocabulary(distinct: pl.Series) -> pl.DataFrame:
    """What each distinct token is: `token`, `word` (separators out), `is_code`."""
    token = pl.col("token")
    word = token.str.replace(r"'s$", "").str.replace_all(r"[-./+&']", "")
    letters, digits = word.str.count_matches(r"\p{L}"), word.str.count_matches(r"\d")
    mixed = (letters >= 1) & (digits >= 1) & (word.str.len_chars() >= 4)
    long_number = (letters == 0) & digits.is_between(6, 14) & ~token.str.contains(r"\.\d{1,2}$")
    return distinct.to_frame("token").with_columns(
        word=word.replace(lexicon.ROMAN), is_code=(mixed | long_number) & ~token.str.contains(_NOT_A_CODE)
    )


def _fact(tokens: pl.DataFrame, dimension: pl.Expr | str, value: pl.Expr, shown: pl.Expr | None = None) -> pl.DataFrame:
    dimension = pl.lit(dimension) if isinstance(dimension, str) else dimension
    shown = value if shown is None else shown
    columns = {"dimension": dimension, "value": value, "shown": shown}
    return tokens.select("row", **{name: column.cast(pl.String) for name, column in columns.items()}).drop_nulls()


def series(tokens: pl.DataFrame) -> pl.DataFrame:
    """Generation numbers, read with the word before them or glued to them, and short models, read by their shape.

    ("hero", "4") in "Hero 4" and in "hero4"; ("iphone", "12 pro") in "iPhone 12 Pro"; ("line", "2") in "2-line"; ("t#i",
    "t7i"); and years, ("year", "2010").
    """
    years = tokens.filter(pl.col("token").str.contains(r"^(?:19[89]|20[0-3])\d$"))
    after, after_that = (spelled_out(pl.col(name)) for name in ("after", "after_that"))
    further = after_that.is_in(lexicon.EDITIONS).fill_null(False)
    edition = (
        pl.when(after.is_in(lexicon.EDITIONS) & further)
        .then(pl.format(" {} {}", after, after_that))
        .when(after.is_in(lexicon.EDITIONS))
        .then(pl.format(" {}", after))
        .otherwise(pl.lit(""))
    )
    apart = tokens.filter(
        pl.col("word").str.contains(r"^\d{1,4}$|^\d{1,2}[a-cefh-jl-z]$")
        & ~pl.col("word").str.contains(r"^(?:19|20)\d\d$")
        & pl.col("before").str.contains(r"^\p{L}{2,}$")
        & ~spelled_out(pl.col("before")).is_in(_NO_NAMES)
    )
    glued = tokens.filter(pl.col("token").str.contains(r"^\p{L}{3,}\d{1,3}$"))
    counted = tokens.with_columns(pl.col("token").str.extract_groups(r"^(\d{1,3})-?(\p{L}{3,})$"))
    short = tokens.filter(pl.col("word").str.contains(_SHORT_MODEL))
    return pl.concat(
        [
            _fact(short, pl.col("word").str.replace_all(r"\d+", "#"), pl.col("word")),
            _fact(counted, pl.col("token").struct[1], pl.col("token").struct[0]),
            _fact(apart, pl.col("before"), pl.concat_str("word", edition)),
            _fact(years, "year", pl.col("token")),
            _fact(glued, pl.col("token").str.extract(r"^(\p{L}+)"), pl.col("token").str.extract(r"(\d+)$")),
        ]
    )


def terms(tokens: pl.DataFrame) -> pl.DataFrame:
    """Distinct `row`, `term`, `code`: words in one spelling, model numbers (`code`) whole, function words left out."""
    marked = tokens.select("row", "token", whole=pl.when("is_code").then("word"))
    piece = pl.col("token").str.replace(r"'s$", "").replace(lexicon.ROMAN).str.extract_all(r"\d+\.\d+|[\p{L}\d]+")
    pieces = marked.filter(pl.col("whole").is_null()).select("row", term=piece).explode("term").drop_nulls()
    word = spelled_out(pl.col("term").replace(AUDIENCES))
    plural = word.str.contains(r"^\p{L}{4,}[^s\P{L}]s$")
    pieces = pieces.with_columns(term=pl.when(plural).then(word.str.head(-1)).otherwise(word), code=False)
    both = pl.concat([pieces, marked.select("row", term="whole", code=True).drop_nulls()])
    return both.filter(~pl.col("term").is_in(lexicon.FUNCTION_WORDS)).unique(["row", "term"], maintain_order=True)


def served(tokens: pl.DataFrame) -> pl.DataFrame:
    """Accessory nouns whose product serves another: "case for iPhone 12". Distinct `row`, `noun`."""
    noun = accessory_nouns(tokens)
    serves = tokens.filter(pl.col("word").is_in(FOR_WORDS)).group_by("row").agg(until=pl.col("position").max())
    return noun.join(serves, on="row").filter(pl.col("position") < pl.col("until")).select("row", "noun").unique()


def accessory_nouns(tokens: pl.DataFrame) -> pl.DataFrame:
    """Every accessory noun that is no mere inclusion ("with case"): `row`, `position`, `noun`."""
    noun = pl.col("word").str.replace(r"(?:e?s)$", "")
    nouns = tokens.with_columns(noun=pl.when(noun.is_in(lexicon.ACCESSORIES)).then(noun).otherwise("word"))
    nouns = nouns.filter(pl.col("noun").is_in(lexicon.ACCESSORIES))
    return nouns.select("row", "position", "noun")
