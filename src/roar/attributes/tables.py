"""Facts out of many texts, as tables."""

import re

import polars as pl
from joblib import Parallel, cpu_count, delayed

from roar.attributes import words
from roar.attributes.reader import Fact, scan
from roar.errors import InputError

SCHEMA = {
    "row": pl.UInt32,
    "fact": pl.String,
    "value": pl.Float64,
    "text": pl.String,
    "unit": pl.String,
    "role": pl.String,
    "start": pl.UInt32,
    "end": pl.UInt32,
}
LONGEST = 10_000
"""Characters of a text that are read: a page pasted into a field is no title."""

PIECE = 25_000
"""Texts that one process reads at a time; fewer are read in this one."""

IDLE = 30
"""Seconds after which a process that reads nothing ends."""

MOST = 8
"""Processes that read at a time, at most: each holds some 300 MB."""


def workers(pieces: int) -> int:
    """Processes that are worth starting for so many pieces. They are new interpreters, never forks, and so may be started beside
    threads of others: in Kedro's runners, in a Spark executor.
    """
    return max(1, min(cpu_count(), pieces, MOST))


KINDS = ("product", "query")


def read(texts: pl.Series, *, kind: str = "product") -> pl.DataFrame:
    """Read the facts that texts state.

    Args:
        texts: titles, queries or other texts; null reads as nothing.
        kind: "product" or "query"; a query may name a price, and a bound without a unit is one ("under 20").

    Returns:
        A line per fact, by row and place: `row` (place in `texts`), `fact` (volume, mass, length, storage, memory, power, …,
        count, percent, spf, strength, size, colour, audience, …), `value` (in the base unit; null where the fact is a
        word), `text` (the canonical word; null where it is a number), `unit` (the base unit: l, kg, m, GB, W, V, K, IU, …; the
        scale of a size; null for what is counted or named), `role` ("has", "for", "excludes", "at_least", "at_most"), `start`
        and `end` (where it was read, in characters).

    Raises:
        InputError: texts are no strings, or the kind is unknown.

    Cost: linear in the text, some 100 microseconds a title, on all processors from 25,000 texts; the first 10,000 characters of a
    text are read.

    Examples:
        >>> facts = read(pl.Series(["Red mug 0.5 l", "memory card, not 64 gb"]))
        >>> facts.select("row", "fact", pl.coalesce("text", pl.col("value").cast(pl.String)).alias("says"), "role").rows()
        [(0, 'colour', 'red', 'has'), (0, 'volume', '0.5', 'has'), (1, 'storage', '64.0', 'excludes')]
    """
    return scan_all(texts, kind=kind)[0].select(SCHEMA.keys())


def scan_all(texts: pl.Series, *, kind: str = "product") -> tuple[pl.DataFrame, pl.Series]:
    """As `read`, with `scale` (the unit as written), `side` (of a length: width, height, depth, length; null where none is said) and
    `shown` (the words); and the texts with quantities blanked out.
    """
    if texts.dtype not in (pl.String, pl.Null):
        raise InputError(f"read: expected texts as strings, found {texts.dtype}; cast the column before")
    if kind not in KINDS:
        raise InputError(f"read: kind {kind!r} is unknown; it is one of {', '.join(KINDS)}")
    texts = texts.cast(pl.String)
    starts = range(0, max(len(texts), 1), PIECE)
    if len(starts) == 1:
        return _scan_piece(texts, kind)
    processes = Parallel(n_jobs=workers(len(starts)), idle_worker_timeout=IDLE)
    parts = processes(delayed(_scan_piece)(texts.slice(start, PIECE), kind) for start in starts)
    placed = (
        facts.with_columns(pl.col("row") + pl.lit(start, dtype=pl.UInt32))
        for start, (facts, _) in zip(starts, parts, strict=True)
    )
    return pl.concat(placed), pl.concat(rest for _, rest in parts)


def _scan_piece(texts: pl.Series, kind: str) -> tuple[pl.DataFrame, pl.Series]:
    lines: list[tuple[object, ...]] = []
    masked: list[str | None] = []
    for row, text in enumerate(texts):
        facts = scan(text[:LONGEST], kind) if text else []
        if text:
            lines.extend(_line(row, text, *told) for told in zip(facts, _sides(text, facts), strict=True))
        masked.append(_without(text, facts) if text else text)
    table = pl.DataFrame(
        lines, schema=SCHEMA | {"scale": pl.String, "side": pl.String, "shown": pl.String}, orient="row"
    )
    return table, pl.Series(texts.name, masked, dtype=pl.String)


def _line(row: int, text: str, fact: Fact, side: str | None) -> tuple[object, ...]:
    shown = text[fact.start : fact.end].strip(" .,;:()")
    place = fact.start, fact.end
    return row, fact.fact, fact.value, fact.text, fact.unit, fact.role, *place, fact.scale, side, shown


_BEHIND = re.compile(
    rf"[\s.\-(]{{0,2}}(?:{'|'.join(f'(?P<{side}>{nouns}|{others})' for side, (nouns, others) in words.SIDES.items())})\b",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    rf"\b(?:{'|'.join(f'(?P<{side}>{nouns})' for side, (nouns, _) in words.SIDES.items())})[\s.:=]{{0,2}}$",
    re.IGNORECASE,
)
NEAR = 14
"""Characters before a length in which its side is looked for."""


def _sides(text: str, facts: list[Fact]) -> list[str | None]:
    """Which side of a thing each length is, where the text says so: behind lengths ("24 in. W x 36 in. H"), or before them, if before
    the first ("H 80 cm, W 120 cm").
    """
    lengths = [fact for fact in facts if fact.fact == "length"]
    before = bool(lengths) and _BEFORE.search(text[max(0, lengths[0].start - NEAR) : lengths[0].start]) is not None

    def side(fact: Fact) -> str | None:
        near = text[max(0, fact.start - NEAR) : fact.start]
        said = _BEFORE.search(near) if before else _BEHIND.match(text, fact.end)
        return said.lastgroup if said else None

    return [side(fact) if fact.fact == "length" else None for fact in facts]


def _without(text: str, facts: list[Fact]) -> str:
    """The text with its numbers and their units as blanks."""
    kept, place = [], 0
    for fact in facts:
        if fact.value is not None and fact.end > place:
            kept += [text[place : max(fact.start, place)], " "]
            place = fact.end
    return _CROSS.sub(" ", "".join([*kept, text[place:]])) if kept else text


_CROSS = re.compile(r"(?<=\s)[xX×](?=\s)")


BESIDE = 4
"""Characters between two lengths that are measures of one thing, at most: " by "."""


def shapes(facts: pl.DataFrame) -> pl.DataFrame:
    """Lengths that stand side by side ("12 x 30 x 12 in.") as one fact, whatever their order: a set of them would not tell it from
    "30 x 30 x 12 in.". As many lengths are compared with as many: one title may leave out the depth.

    Args:
        facts: as `scan_all` returns.

    Returns:
        As `dimensions`.
    """
    lengths = facts.filter((pl.col("fact") == "length") & (pl.col("role") == "has")).sort("row", "start")
    measured = (
        _side_by_side(lengths)
        .group_by("row", "run", maintain_order=True)
        .agg(
            value=pl.col("value").round_sig_figs(3).sort().cast(pl.String).str.join("x"),
            shown=pl.col("shown").str.join(" x "),
            n=pl.len(),
        )
    )
    return (
        measured.filter(pl.col("n") > 1)
        .select(
            "row",
            dimension=pl.format("{} measures", "n"),
            value="value",
            shown="shown",
            measured=pl.lit(False),
            role=pl.lit("has"),
        )
        .unique(["row", "dimension", "value"], keep="first", maintain_order=True)
    )


_ORDER = {
    "value": pl.col("value").round_sig_figs(3).rank("dense").cast(pl.String).str.join(" "),
    "shown": pl.col("shown").str.join(" x "),
    "different": pl.col("value").round_sig_figs(3).n_unique(),
}


def orders(facts: pl.DataFrame) -> pl.DataFrame:
    """In which order lengths of one thing grow: 24 in. wide and 36 in. high is another mirror than 36 in. wide and 24 in. high, which
    the same lengths do not tell. By sides where they are named, as written where lengths stand side by side; not all alike.

    Args:
        facts: as `scan_all` returns.

    Returns:
        As `dimensions`; the dimension names the sides, so that as many and the same are compared.
    """
    lengths = facts.filter((pl.col("fact") == "length") & (pl.col("role") == "has")).sort("row", "start")
    named = lengths.drop_nulls("side").filter(pl.len().over("row", "side") == 1).sort("row", "side")
    sides = named.group_by("row", maintain_order=True).agg(
        dimension=pl.format("order of {}", pl.col("side").str.join(" and ")), **_ORDER
    )
    plain = _side_by_side(lengths).filter(pl.col("side").is_null().all().over("row"))
    beside = plain.group_by("row", "run", maintain_order=True).agg(
        dimension=pl.format("order of {} measures", pl.len()), **_ORDER
    )
    told = pl.concat([sides, beside.drop("run")]).filter(pl.col("different") > 1)
    return told.select("row", "dimension", "value", "shown", measured=pl.lit(False), role=pl.lit("has")).unique(
        ["row", "dimension"], keep="first", maintain_order=True
    )


def _side_by_side(lengths: pl.DataFrame) -> pl.DataFrame:
    """Lengths, by row and place, with the `run` of those that stand side by side."""
    apart = (pl.col("start") - pl.col("end").shift(1).over("row")).fill_null(BESIDE + 1) > BESIDE
    return lengths.with_columns(apart=apart).with_columns(run=pl.col("apart").cum_sum())


NAMES = {"count": "pack size"}
"""What a person calls a fact, where it is not its name."""


def dimensions(facts: pl.DataFrame) -> pl.DataFrame:
    """Facts as two texts can agree or disagree on them.

    Args:
        facts: as `scan_all` returns.

    Returns:
        Distinct `row`, `dimension`, `value` (String), `shown`, `measured` (whether it is a number), `role`. Lengths, frequencies
        and masses are dimensions of their own by scale (a 3-inch display does not contradict an 18 mm lens), sizes by theirs,
        each thing left out is one, and bounds are no amounts. Values keep three significant digits, which join 15.6 inch with 39.6 cm and part 49 from
        50; binary storage reads as decimal, and megapixels lose their fraction, as shops cut it off.
    """
    scale, value = pl.col("scale"), pl.col("value")
    length = (
        pl.when(scale.is_in(["ft", "m", "yd", "km"]))
        .then(pl.lit("m"))
        .when((scale == "mm") & ((value < 0.1) | pl.col("role").is_in(["at_least", "at_most"])))
        .then(pl.lit("mm"))
        .otherwise(pl.lit("cm"))
    )
    faceted = (
        pl.when(pl.col("fact") == "length")
        .then(length)
        .when(pl.col("fact") == "frequency")
        .then(scale.replace("ghz", "mhz"))
        .when((pl.col("fact") == "mass") & scale.is_in(["mg", "mcg"]))
        .then(pl.lit("mg"))
        .when((pl.col("fact") == "volume") & (scale == "cu ft"))
        .then(pl.lit("room"))
        .when((pl.col("fact") == "size") & (scale != ""))
        .then(scale)
    )
    left_out = pl.col("fact") == "feature"
    named = pl.when(left_out).then("text").otherwise(pl.col("fact").replace(NAMES))
    named = pl.when(faceted.is_null()).then(named).otherwise(pl.format("{} ({})", named, faceted))
    bounded = pl.col("role").replace_strict(
        {"at_least": " at least", "at_most": " at most", "excludes": " left out"}, default=""
    )
    megabytes = value * 1000
    binary = pl.col("fact").is_in(["storage", "memory"]) & (megabytes % 1024 == 0) & (megabytes > 1024)
    amount = (
        pl.when(binary).then(value / 1.024).when(pl.col("fact") == "resolution").then(value.floor()).otherwise(value)
    ).round_sig_figs(3)
    return facts.select(
        "row",
        dimension=pl.concat_str(named, bounded),
        value=pl.coalesce(pl.when(pl.col("fact") == "size").then(value), amount)
        .cast(pl.String)
        .fill_null(pl.when(left_out).then(pl.lit("yes")).otherwise("text")),
        shown="shown",
        measured=value.is_not_null(),
        role="role",
    ).unique(["row", "dimension", "value"], keep="first", maintain_order=True)
