"""What a teacher says of queries and products: read, checked, and made use of.

The table may be this project's own teacher's (`roar.teacher`) or anybody's: another model's, an LLM judge's. Its scale means nothing
here: targets of a student are standardised, and cut-offs are those of the judged products' own scores.
"""

import polars as pl

from roar.errors import InputError, did_you_mean
from roar.ingestion.expressions import evaluate
from roar.parameters import Teacher
from roar.schemas import GRADES, Grade
from roar.tables import require_columns
from roar.text import as_ids

PAIR = ["query_id", "product_id"]
COLUMNS = {
    "fold": pl.String,
    "query_id": pl.String,
    "query": pl.String,
    "variant_group": pl.String,
    "product_id": pl.String,
    "score": pl.Float64,
    "teacher": pl.String,
}
"""Of the table as it is read."""
_TABLE = "table teacher_scores"
_UNNAMED = "unnamed"


def no_scores() -> pl.DataFrame:
    """The table where there is no teacher."""
    return pl.DataFrame(schema=COLUMNS)


def read_scores(
    table: pl.DataFrame,
    queries: pl.DataFrame,
    products: pl.DataFrame,
    variants: pl.DataFrame,
    config: Teacher | None = None,
) -> pl.DataFrame:
    """Read a table of scores.

    Args:
        table: query_id (or query, the text), product_id, score, and optionally fold and teacher, in whatever columns
            `config.columns` says; without rows where there is none.
        queries: query_id, query.
        products: product_id.
        variants: query, variant_group, of all texts.
        config: `columns`.

    Returns:
        fold (null where a score serves all folds), query_id, query, variant_group, product_id, score, teacher.

    Raises:
        InputError: a column is missing, a score is no finite number, an id is unknown, or a pair has two scores in a fold.
    """
    config = config or Teacher()
    if table.is_empty() and not table.columns:
        return no_scores()
    named = table.with_columns(evaluate(how, table).alias(name) for name, how in config.columns.items())
    named = _with_query_ids(named, queries)
    require_columns(named, "teacher_scores", [*PAIR, "score"], typed=False)
    optional = [name for name in ("fold", "teacher") if name not in named.columns]
    read = named.with_columns(pl.lit(None, pl.String).alias(name) for name in optional).select(
        pl.col("fold").cast(pl.String),
        *(as_ids(named[name]).alias(name) for name in PAIR),
        pl.col("score").cast(pl.Float64, strict=False),
        pl.col("teacher").cast(pl.String).fill_null(_UNNAMED),
    )
    _require_finite(read, named["score"])
    _require_known(read, "query_id", queries["query_id"], "queries")
    _require_known(read, "product_id", products["product_id"], "products")
    _require_one_score(read)
    texts = queries.select("query_id", "query").join(variants, on="query", how="left")
    return read.join(texts, on="query_id", maintain_order="left").select(*COLUMNS)


def of_fold(scores: pl.DataFrame, splits: pl.DataFrame, fold: str) -> pl.DataFrame:
    """The scores that may be used in a fold: its own, and those that serve all, of no question that it holds out.

    Of a fold that no teacher knows, which holds out nothing (one encoder trained on all queries), the means over all folds.

    Args:
        scores: as `read_scores` gives them.
        splits: fold, query_id, split, variant_group.
        fold: the fold.
    """
    held_out = splits.filter((pl.col("fold") == fold) & (pl.col("split") != "train")).select("variant_group")
    own = scores.filter((pl.col("fold") == fold) | pl.col("fold").is_null())
    if own.is_empty() and held_out.is_empty():
        own = scores.group_by("query_id", "product_id", maintain_order=True).agg(
            *(pl.col(name).first() for name in ("query", "variant_group", "teacher")), pl.col("score").mean()
        )
    return own.join(held_out, on="variant_group", how="anti", maintain_order="left").select(
        pl.lit(fold).alias("fold"), *list(COLUMNS)[1:]
    )


def _with_query_ids(table: pl.DataFrame, queries: pl.DataFrame) -> pl.DataFrame:
    if "query_id" in table.columns or "query" not in table.columns:
        return table
    known = queries.select("query", "query_id").unique("query", keep="first", maintain_order=True)
    found = table.with_columns(pl.col("query").cast(pl.String)).join(
        known, on="query", how="left", maintain_order="left"
    )
    return found.with_columns(query_id=pl.coalesce("query_id", "query"))  # what is not found is named as unknown


def _require_finite(read: pl.DataFrame, raw: pl.Series) -> None:
    wrong = ~read["score"].is_finite().fill_null(value=False)
    if wrong.any():
        row = int(wrong.arg_true()[0])
        raise InputError(
            f"{_TABLE}, column score, row {row + 1}: {raw[row]!r} is no finite number ({wrong.sum()} rows of {len(raw)}); leave such "
            "rows out, or give labels a number in teacher.columns: score: {translate: label, to: {...}}."
        )


def _require_known(read: pl.DataFrame, key: str, ids: pl.Series, table: str) -> None:
    unknown = read.with_row_index("row").filter(~pl.col(key).is_in(ids.implode()).fill_null(value=False))
    if unknown.height:
        raise InputError(
            f"{_TABLE}, column {key}, row {unknown['row'][0] + 1}: {unknown[key][0]!r} is not in table {table} ({unknown.height} rows "
            f"of {read.height}); {did_you_mean(str(unknown[key][0]), ids.head(1000), listed=3)}. Leave out what the shop does not have."
        )


def _require_one_score(read: pl.DataFrame) -> None:
    twice = read.filter(pl.struct("fold", *PAIR).is_duplicated())
    if twice.height:
        query_id, product_id = twice.select(PAIR).row(0)
        teachers = ", ".join(twice["teacher"].unique().sort().head(3))
        raise InputError(
            f"{_TABLE}: query {query_id!r} with product {product_id!r} has several scores in one fold (teachers: {teachers}; "
            f"{twice.height} such rows); keep one teacher's, or their mean."
        )


def rejected_pairs(scores: pl.DataFrame, judgments: pl.DataFrame, share: float) -> pl.DataFrame:
    """Pairs that a teacher takes for no answer: those scored below all but a share of the judged answers (exact or substitute).

    Args:
        scores: of one fold (`of_fold`).
        judgments: query_id, product_id, grade of the fold's train queries.
        share: of the answers that score lower still, in (0, 1): less is stricter.

    Returns:
        query, product_id.

    Raises:
        InputError: no judged answer has a score.
    """
    answers = judgments.filter(pl.col("grade").cast(pl.String).is_in(["exact", "substitute"]))
    known = scores.join(answers, on=PAIR, how="semi")["score"]
    if known.is_empty():
        raise InputError(
            f"training_sets.hard_negatives.teacher: {_TABLE} scores no judged answer of a train query, so nothing says what an "
            "answer's score is; let the teacher score the judged pairs, too."
        )
    return scores.filter(pl.col("score") < known.quantile(share, "lower")).select("query", "product_id").unique()


def taught_grades(scores: pl.DataFrame, judgments: pl.DataFrame) -> pl.DataFrame:
    """The grade that a teacher gives to each pair: cut so that judged pairs get each grade as often as raters gave it.

    Args:
        scores: of one fold (`of_fold`).
        judgments: query_id, product_id, grade of the fold's train queries.

    Returns:
        query_id, product_id, grade.

    Raises:
        InputError: no judged pair has a score.
    """
    known = scores.join(judgments.select(*PAIR, pl.col("grade").cast(Grade).to_physical()), on=PAIR)
    if known.is_empty():
        raise InputError(
            f"training_sets.groups.fill.graded: {_TABLE} scores no judged pair of a train query, so nothing says which grade a "
            "score is; let the teacher score the judged pairs, too."
        )
    shares = [float((known["grade"] < grade).sum()) / known.height for grade in range(1, len(GRADES))]
    cuts = [known["score"].quantile(share, interpolation="lower") for share in shares]
    grade = pl.sum_horizontal((pl.col("score") > cut).cast(pl.UInt8) for cut in cuts)
    return scores.select(*PAIR, grade=grade.replace_strict(dict(enumerate(GRADES)), return_dtype=Grade))


def standardised(scores: pl.DataFrame) -> pl.DataFrame:
    """The scores with mean 0 and standard deviation 1 over all pairs given; of equal scores 0."""
    spread = scores["score"].std()
    divisor = spread if isinstance(spread, float) and spread > 0 else 1.0
    return scores.with_columns((pl.col("score") - pl.col("score").mean()) / divisor)
