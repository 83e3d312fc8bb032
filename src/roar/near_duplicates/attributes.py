"""What a product says about itself, as facts that two products can agree or disagree on.

A fact is (dimension, value): ("storage", "64000"), ("colour", "black"), ("pack size", "6"), ("hero", "4"). One long
table holds them all, so that verification needs one rule instead of one per attribute. A number is read together with
its neighbours: with the unit after it ("64 gb", "26-inch", converted to a base unit), with the word before it ("hero 4",
"size 10", "pack of 6"), or, mixed with letters, as a model number ("dv7-1211ea", see `codes`).
"""

import polars as pl

from roar.near_duplicates import lexicon

_NUMBER = r"\d+(?:\.\d+)?"
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


def analyse(tokens: pl.DataFrame) -> pl.DataFrame:
    """Add what each token is, and its neighbours: the table that every extractor below reads.

    Columns added: `word` (separators out); `number`; `kind`, `scale` and `amount` of a measured quantity (in base units;
    `unit_after` is its unit where it stands apart); `is_code`; the neighbouring words `before_that`, `before`, `after` and
    `after_that` (null at the ends).
    """
    known = tokens.join(_vocabulary(tokens["token"].unique()), on="token", how="left", maintain_order="left")
    same_row = {shift: pl.col("row") == pl.col("row").shift(shift) for shift in (1, 2, -1, -2)}

    def neighbour(column: str, shift: int) -> pl.Expr:
        return pl.when(same_row[shift]).then(pl.col(column).shift(shift))

    follows = pl.col("after").replace_strict({u: u for u in lexicon.UNITS if u not in lexicon.GLUED_ONLY}, default=None)
    return (
        known.with_columns(
            before=neighbour("word", 1),
            before_that=neighbour("word", 2),
            after=neighbour("word", -1),
            after_that=neighbour("word", -2),
        )
        .with_columns(unit=pl.coalesce("unit", pl.when(pl.col("number").is_not_null()).then(follows)))
        .join(_units(), on="unit", how="left", maintain_order="left")
        .with_columns(amount=_canonical(pl.col("number") * pl.col("factor"), pl.col("kind")))
        .with_columns(
            is_code=pl.col("is_code") & pl.col("kind").is_null(),
            unit_after=pl.when(pl.col("after") == pl.col("unit")).then(pl.format(" {}", "unit")).otherwise(pl.lit("")),
        )
        .drop("factor", "unit")
    )


def _vocabulary(distinct: pl.Series) -> pl.DataFrame:
    token = pl.col("token")
    word = token.str.replace(r"'s$", "").str.replace_all(r"[-./+&']", "")
    letters, digits = word.str.count_matches(r"\p{L}"), word.str.count_matches(r"\d")
    mixed = (letters >= 1) & (digits >= 1) & (word.str.len_chars() >= 4)
    long_number = (letters == 0) & digits.is_between(6, 14) & ~token.str.contains(r"\.\d{1,2}$")
    glued = token.str.extract(rf"^{_NUMBER}-?(\p{{L}}+)(?:-\p{{L}}+)?$")
    return (
        distinct.to_frame("token")
        .with_columns(
            word=word.replace(lexicon.ROMAN),
            number=pl.coalesce(
                token.replace(lexicon.ROMAN)
                .str.extract(rf"^({_NUMBER})(?:-?\p{{L}}+(?:-\p{{L}}+)?)?$")
                .cast(pl.Float64),
                _fraction(token),
            ),
            unit=glued.replace_strict({unit: unit for unit in lexicon.UNITS}, default=None),
            glued=glued,
            is_code=(mixed | long_number) & ~token.str.contains(_NOT_A_CODE),
        )
        # "5s" or "16ports" with an unknown unit is not the number 5
        .with_columns(number=pl.when(pl.col("glued").is_null() | pl.col("unit").is_not_null()).then("number"))
        .drop("glued")
    )


def _fraction(token: pl.Expr) -> pl.Expr:
    """The value of "1/2" and "1-1/2"; null for what is no proper fraction of halves to sixteenths."""
    parts = token.str.extract_groups(r"^(?:(\d{1,3})-)?(\d{1,2})/(2|3|4|8|16)$")
    whole, above, below = (parts.struct[i].cast(pl.Float64) for i in range(3))
    return pl.when(above < below).then(whole.fill_null(0.0) + above / below)


def _units() -> pl.DataFrame:
    rows = [(spelling, *unit) for spelling, unit in lexicon.UNITS.items()]
    schema = {"unit": pl.String, "kind": pl.String, "factor": pl.Float64, "scale": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _canonical(amount: pl.Expr, kind: pl.Expr) -> pl.Expr:
    """Three significant digits join 15.6 inch with 39.6 cm and part 49 from 50; binary storage reads as decimal, and
    megapixels lose their fraction, as shops cut it off.
    """
    binary = (kind == "storage") & (amount % 1024 == 0) & (amount > 1024)
    whole = kind == "resolution"
    return pl.when(binary).then(amount / 1.024).when(whole).then(amount.floor()).otherwise(amount).round_sig_figs(3)


def facts(tokens: pl.DataFrame) -> pl.DataFrame:
    """All facts in analysed tokens: distinct `row`, `dimension`, `value`, `strict`, and a `shown` form for people.

    A contradiction between strict facts is a veto. Series numbers are not strict: what stands before a number is often
    a name ("hero 4"), and sometimes chance ("page 4").
    """
    strict = pl.concat(read(tokens) for read in (quantities, packs, colours, audiences, sizes))
    loose = series(tokens)
    both = pl.concat([strict.with_columns(strict=True), loose.with_columns(strict=False)])
    return both.unique(["row", "dimension", "value"], keep="first", maintain_order=True)


def _fact(tokens: pl.DataFrame, dimension: pl.Expr | str, value: pl.Expr, shown: pl.Expr | None = None) -> pl.DataFrame:
    dimension = pl.lit(dimension) if isinstance(dimension, str) else dimension
    shown = value if shown is None else shown
    columns = {"dimension": dimension, "value": value, "shown": shown}
    return tokens.select("row", **{name: column.cast(pl.String) for name, column in columns.items()}).drop_nulls()


def quantities(tokens: pl.DataFrame) -> pl.DataFrame:
    """Numbers with a unit: the dimension is what is measured (and on which scale), the value is in base units."""
    memory = (pl.col("kind") == "storage") & pl.col("after").is_in(lexicon.MEMORY_WORDS).fill_null(False)
    memory |= (pl.col("kind") == "storage") & pl.col("after_that").is_in(lexicon.MEMORY_WORDS).fill_null(False)
    tokens = tokens.with_columns(kind=pl.when(memory).then(pl.lit("memory")).otherwise("kind"))
    span = pl.col("token").str.extract(r"^(\d+(?:\.\d+)?-\d+(?:\.\d+)?)mm$")
    large = (pl.col("scale") == "mm") & (pl.col("amount") >= 100)
    tokens = tokens.with_columns(scale=pl.when(large).then(pl.lit("cm")).otherwise("scale"))
    measured = tokens.filter(pl.col("amount").is_not_null())
    scale = pl.when(pl.col("scale") == "").then(pl.lit("")).otherwise(pl.format(" ({})", "scale"))
    single = _fact(measured, pl.concat_str("kind", scale), pl.col("amount"), pl.concat_str("token", "unit_after"))
    return pl.concat([single, _fact(tokens, "length (mm)", span, pl.col("token"))])


def packs(tokens: pl.DataFrame) -> pl.DataFrame:
    """Pack sizes in words: "pack of 6", "twin pack", "x6"."""
    of = tokens.filter((pl.col("before") == "of") & pl.col("before_that").is_in(lexicon.PACK_OF))
    worded = tokens.filter(pl.col("after").is_in(["pack", "packs", "pieces", "piece"]))
    readings = (
        (tokens, pl.col("token").str.extract(r"^x(\d{1,3})$")),
        (of, pl.col("number")),
        (worded, pl.col("word").replace_strict(lexicon.PACK_WORDS, default=None)),
    )
    numbers = [(part, number.cast(pl.Float64)) for part, number in readings]
    return pl.concat(
        _fact(part, "pack size", number, number.round_sig_figs(6).cast(pl.Int64)) for part, number in numbers
    )


def series(tokens: pl.DataFrame) -> pl.DataFrame:
    """Generation numbers, read with the word before them or glued to them, and short models, read by their shape.

    ("hero", "4") in "Hero 4" and in "hero4"; ("iphone", "12 pro") in "iPhone 12 Pro"; ("line", "2") in "2-line"; ("t#i",
    "t7i"); and years, ("year", "2010").
    """
    years = tokens.filter(pl.col("token").str.contains(r"^(?:19[89]|20[0-3])\d$") & pl.col("kind").is_null())
    further = pl.col("after_that").is_in(lexicon.EDITIONS).fill_null(False)
    edition = (
        pl.when(pl.col("after").is_in(lexicon.EDITIONS) & further)
        .then(pl.format(" {} {}", "after", "after_that"))
        .when(pl.col("after").is_in(lexicon.EDITIONS))
        .then(pl.format(" {}", "after"))
        .otherwise(pl.lit(""))
    )
    apart = tokens.filter(
        pl.col("word").str.contains(r"^\d{1,4}$|^\d{1,2}[a-cefh-jl-z]$")
        & ~pl.col("word").str.contains(r"^(?:19|20)\d\d$")
        & pl.col("kind").is_null()
        & pl.col("before").str.contains(r"^\p{L}{2,}$")
        & ~pl.col("before").is_in(lexicon.FUNCTION_WORDS | lexicon.SIZE_WORDS | lexicon.COLOURS.keys())
    )
    glued = tokens.filter(pl.col("token").str.contains(r"^\p{L}{3,}\d{1,3}$"))
    counted = tokens.filter(pl.col("kind").is_null()).with_columns(
        pl.col("token").str.extract_groups(r"^(\d{1,3})-?(\p{L}{3,})$")
    )
    short = tokens.filter(pl.col("kind").is_null() & pl.col("word").str.contains(_SHORT_MODEL))
    return pl.concat(
        [
            _fact(short, pl.col("word").str.replace_all(r"\d+", "#"), pl.col("word")),
            _fact(counted, pl.col("token").struct[1], pl.col("token").struct[0]),
            _fact(apart, pl.col("before"), pl.concat_str("word", edition)),
            _fact(years, "year", pl.col("token")),
            _fact(glued, pl.col("token").str.extract(r"^(\p{L}+)"), pl.col("token").str.extract(r"(\d+)$")),
        ]
    )


def colours(tokens: pl.DataFrame) -> pl.DataFrame:
    """Basic colours, also where words are joined ("black/white"), but not in names such as Black & Decker."""
    named = pl.format("{} {}", pl.col("word"), pl.col("after")).is_in(lexicon.NOT_COLOURS).fill_null(False)
    named |= pl.format("{} {}", pl.col("before"), pl.col("word")).is_in(lexicon.NOT_COLOURS).fill_null(False)
    words = tokens.filter(~named).with_columns(pl.col("token").str.split("/")).explode("token")
    words = words.with_columns(pl.col("token").str.split("-")).explode("token")
    basic = pl.col("token").replace_strict(lexicon.COLOURS, default=None, return_dtype=pl.List(pl.String))
    return _fact(words.with_columns(basic=basic).explode("basic"), "colour", pl.col("basic"))


def audiences(tokens: pl.DataFrame) -> pl.DataFrame:
    """Men, women or kids."""
    return _fact(tokens, "audience", pl.col("word").replace_strict(lexicon.AUDIENCES, default=None))


def sizes(tokens: pl.DataFrame) -> pl.DataFrame:
    """Sizes: a word ("xl"), or a number or letter after "size"; "EU", "UK" and "US" are scales."""
    generic = ~pl.col("before").is_in(lexicon.SIZE_SCALES)
    named = tokens.filter(
        pl.col("before").is_in(lexicon.SIZE_WORDS) & pl.col("word").str.contains(r"^(?:\d{1,2}|[sml])$")
    )
    return pl.concat(
        [
            _fact(tokens, "size", pl.col("word").replace_strict(lexicon.SIZES, default=None)),
            _fact(
                named, pl.when(generic).then(pl.lit("size")).otherwise(pl.format("size {}", "before")), pl.col("token")
            ),
        ]
    )


def terms(tokens: pl.DataFrame) -> pl.DataFrame:
    """Distinct `row`, `term`: words in one spelling, model numbers and quantities whole, function words left out."""
    quantity = pl.when(pl.col("amount").is_not_null()).then(pl.format("{}={}", "kind", "amount"))
    whole = quantity.when("is_code").then("word")
    marked = tokens.select("row", "token", whole=whole)
    piece = pl.col("token").str.replace(r"'s$", "").replace(lexicon.ROMAN).str.extract_all(r"\d+\.\d+|[\p{L}\d]+")
    pieces = marked.filter(pl.col("whole").is_null()).select("row", term=piece).explode("term").drop_nulls()
    word = pl.col("term").replace(lexicon.AUDIENCES)
    plural = word.str.contains(r"^\p{L}{4,}[^s\P{L}]s$")
    pieces = pieces.with_columns(term=pl.when(plural).then(word.str.head(-1)).otherwise(word))
    both = pl.concat([pieces, marked.select("row", term="whole").drop_nulls()])
    return both.filter(~pl.col("term").is_in(lexicon.FUNCTION_WORDS)).unique(maintain_order=True)


def served(tokens: pl.DataFrame) -> pl.DataFrame:
    """Accessory nouns whose product serves another: "case for iPhone 12". Distinct `row`, `noun`."""
    noun = accessory_nouns(tokens)
    serves = tokens.filter(pl.col("word").is_in(lexicon.FOR_WORDS)).group_by("row").agg(until=pl.col("position").max())
    return noun.join(serves, on="row").filter(pl.col("position") < pl.col("until")).select("row", "noun").unique()


def accessory_nouns(tokens: pl.DataFrame) -> pl.DataFrame:
    """Every accessory noun that is no mere inclusion ("with case"): `row`, `position`, `noun`."""
    noun = pl.col("word").str.replace(r"(?:e?s)$", "")
    nouns = tokens.with_columns(noun=pl.when(noun.is_in(lexicon.ACCESSORIES)).then(noun).otherwise("word"))
    nouns = nouns.filter(pl.col("noun").is_in(lexicon.ACCESSORIES))
    return nouns.select("row", "position", "noun")
