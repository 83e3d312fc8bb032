"""Quality and cost of near-duplicate detection, as `name value` lines.

    python benchmarks/near_duplicates.py                      quality on the simulated shop, and on real sets if there
    python benchmarks/near_duplicates.py --parts              what each part brings, by leaving it out
    python benchmarks/near_duplicates.py --prior              catalogues in which fewer and fewer items are listed twice
    python benchmarks/near_duplicates.py --alarm              a catalogue that lists items once, and its judgments
    python benchmarks/near_duplicates.py --catalogue FILE     pairs of a table of products, a hundred of them to be judged by hand
    python benchmarks/near_duplicates.py --scale 1000000      time and memory on that many simulated products
    python benchmarks/near_duplicates.py --minhash 100000     candidates against datasketch's MinHashLSH on titles

The folder that `ROAR_REAL_DATA` names may hold `matching/`, labelled pairs in the layout `COL name VAL text … <tab> COL …
<tab> 0/1`. Labels are read to measure, never to choose. `given` judges the labelled pairs as they are, `found` searches the
union of both lists and judges what it finds, `clustered` asks whether a labelled pair ended in one cluster. `hindsight` is the
best F1 of any threshold (what calibration loses), `recall_at_0.9` the best recall whose precision is 0.9, `labels` the F1 of weights
fitted to other products' labels; `added` and `dropped` are labelled pairs that clusters join beyond those found, and part again.
Sets in other forms, and sets made by rules (`matching_sets.py`), are judged as given.
`homedepot/` holds products.parquet (product_uid, product_title) and judgments.parquet (search_term, product_uid, relevance).
"""

import argparse
import os
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from datasketch import MinHash, MinHashLSH
from scipy.stats import binom

from matching_sets import ENDS, MATCHING, Labelled, Listed, every_set, sold_once, whole
from roar.near_duplicates import (
    candidate_pairs,
    cluster,
    deduplicate,
    editions,
    find_pairs,
    grade_agreement,
    lexicon,
    verify,
    wording,
)
from roar.near_duplicates.candidates import search
from roar.near_duplicates.comparison import Comparison
from roar.near_duplicates.deduplication import ACCEPT, prepared, rows_of
from roar.near_duplicates.profiles import Profiles
from roar.near_duplicates.supervision import fit
from roar.near_duplicates.text import tokens
from roar.near_duplicates.verification import score, score_and_learn
from roar.parameters import DuplicateEvidence, NearDuplicates
from roar.text import folded

PRECISE = 0.9
"""Precision that a mask of false negatives needs."""

Figures = Iterator[tuple[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=int, default=0, help="products of the cost measurement")
    parser.add_argument("--minhash", type=int, default=0, help="titles of the comparison with datasketch")
    parser.add_argument("--catalogue", type=Path, help="products in the contract's columns, as parquet")
    parser.add_argument("--alarm", action="store_true", help="the catalogue of homedepot/ instead")
    parser.add_argument("--prior", action="store_true", help="catalogues that list less and less twice")
    parser.add_argument("--parts", action="store_true", help="every part left out, on all sets")
    options = parser.parse_args()
    if options.minhash:
        report(against_minhash(options.minhash))
    if options.scale:
        report(cost(options.scale))
    if options.alarm:
        report(alarm(Path(os.environ.get("ROAR_REAL_DATA", ".")) / "homedepot"))
    folder = Path(os.environ.get("ROAR_REAL_DATA", ".")) / "matching"
    if options.parts:
        report(parts(folder))
    if options.prior:
        report(priors(folder))
    if options.catalogue:
        report(of_catalogue(options.catalogue))
    asked = (options.minhash, options.scale, options.alarm, options.prior, options.parts, options.catalogue)
    if not any(asked):
        report(simulated())
        report(two_shops())
        for name, labelled in every_set(folder):
            figures = matching(labelled) if name in MATCHING else given(labelled)
            report((f"{name}_{figure}", value) for figure, value in figures)


def report(figures: Figures) -> None:
    for name, value in figures:
        print(f"{name} {value:.4g}", flush=True)


def given(labelled: Labelled) -> Figures:
    """The labelled pairs judged as they are, and what the best threshold would give."""
    judged = verify(labelled.products, labelled.pairs)
    same = judged["label"] == 1
    yield from scores("given", judged["accepted"] & same, judged["accepted"], int(same.sum()))
    yield from hindsight(judged["similarity"].to_numpy(), same.to_numpy())


def matching(labelled: Labelled) -> Figures:
    """Every figure of a labelled set."""
    products, pairs = labelled
    matches = pairs.filter(pl.col("label") == 1)
    yield from given(labelled)
    yield "labels_f1", fit(products, pairs).cross_validated.f1
    yield "candidate_recall", len(matches.join(candidate_pairs(products), on=ENDS, how="semi")) / len(matches)
    found = find_pairs(products)
    hits = found.join(pairs, on=ENDS)
    yield from scores("found", hits["label"] == 1, hits["label"] >= 0, len(matches))
    clusters = cluster(products, found)
    together = pairs.join(clusters, left_on=ENDS[0], right_on="product_id")
    together = together.join(clusters, left_on=ENDS[1], right_on="product_id")
    same = together["cluster_id"] == together["cluster_id_right"]
    yield from scores("clustered", same & (together["label"] == 1), same, len(matches))
    joined = together.filter(same).join(found, on=ENDS, how="anti")
    parted = together.filter(~same).join(found, on=ENDS, how="semi")
    yield "clustered_added", len(joined)
    yield "clustered_dropped", len(parted)


def hindsight(similarity: np.ndarray, same: np.ndarray) -> Figures:
    """What the best thresholds would give, known afterwards."""
    order = np.argsort(-similarity, kind="stable")
    right, taken = np.cumsum(same[order]), np.arange(1, len(same) + 1)
    last = np.append(np.diff(similarity[order]) != 0, True)  # equal similarities stand or fall together
    precision, recall = (right / taken)[last], (right / max(same.sum(), 1))[last]
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    yield "hindsight_f1", float(f1.max())
    yield "hindsight_threshold", float(similarity[order][last][f1.argmax()])
    yield "recall_at_0.9", float(recall[precision >= PRECISE].max(initial=0.0))


def scores(name: str, true: pl.Series, positive: pl.Series, matches: int) -> Figures:
    precision, recall = true.sum() / max(positive.sum(), 1), true.sum() / max(matches, 1)
    yield f"{name}_precision", precision
    yield f"{name}_recall", recall
    yield f"{name}_f1", 2 * precision * recall / max(precision + recall, 1e-9)


SILENT_DIMENSIONS = ["edition", "platform", "release"]


def _without_bundles(profiles: Profiles, products: pl.DataFrame) -> Profiles:
    sold = editions.bundled(wording.analyse(tokens(products, "title")))
    return replace(profiles, served=profiles.served.join(sold, on=["row", "noun"], how="anti"))


def _without_editions(profiles: Profiles) -> Profiles:
    told = profiles.dictionary.filter(pl.col("dimension").is_in(SILENT_DIMENSIONS)).select("fact")
    claimed = pl.col("noun").is_in(list(lexicon.LICENCES.values())) | pl.col("noun").str.ends_with(" users")
    return replace(
        profiles, facts=profiles.facts.join(told, on="fact", how="anti"), served=profiles.served.filter(~claimed)
    )


LISTED_ONCE = (0.0, 0.5, 0.8, 0.95, 1.0)
"""Shares of the items that are left with one listing."""

DOUBTS: dict[str, dict[str, float]] = {
    "none": {"prior": 0.0, "other_model": 0.0, "lookalike": 0.0, "unlike": 0.0},
    "numbers": {"prior": 0.0, "lookalike": 0.0, "unlike": 0.0},
    "prior": {"lookalike": 0.0, "unlike": 0.0},
    "lookalike": {"unlike": 0.0},
    "all": {},
}
"""Doubts one after the other: different model numbers, the prior, look-alikes, words of one title."""


def priors(folder: Path) -> Figures:
    """The share of products with a second listing as it is and as estimated, and all pairs found, of catalogues that list ever
    less twice, with one doubt after the other.
    """
    for name, listed in whole(folder):
        for once in LISTED_ONCE:
            yield from ((f"{name}_{once:g}_{figure}", value) for figure, value in of_one(sold_once(listed, once)))


def of_one(listed: Listed) -> Figures:
    """The figures of one catalogue whose items are all known."""
    products = prepared(listed.products)
    item = np.array([listed.item[product_id] for product_id in products["product_id"]])
    count = np.unique(item, return_counts=True)[1]
    yield "share", count[count > 1].sum() / len(item)
    profiles = Profiles.read(products)
    a, b = search(profiles.traits, profiles.size, NearDuplicates().candidates)
    one, matches = pl.Series(item[a] == item[b]), int((count * (count - 1) // 2).sum())
    comparison = Comparison.of(profiles)
    for doubt, weights in DOUBTS.items():
        similarity, _, learned = score_and_learn(comparison, a, b, DuplicateEvidence(**weights))  # type: ignore[arg-type]
        accepted = pl.Series(similarity >= ACCEPT)
        if doubt == "all":
            yield "estimated_share", learned.prior.listed_twice or 0.0
        yield f"{doubt}_pairs", accepted.sum()
        yield from scores(doubt, accepted & one, accepted, matches)


PARTS: dict[str, dict[str, object] | Callable[[Profiles, pl.DataFrame], Profiles]] = {
    "nothing": {},
    "learning": {"learn": False},
    "prior": {"prior": 0.0},
    "lookalikes": {"lookalike": 0.0},
    "words_by_the_prior": {"unlike": 0.0},
    "other_model_numbers": {"other_model": 0.0},
    "competition": {"competition": 0.0},
    "rivalry": {"rivalry": False},
    "prices": {"price": 0.0},
    "contradictions": {"contradiction": 0.0},
    "accessories_licences_bundles": {"accessory": 0.0},
    "model_numbers": {"model_number": 0.0, "model_stem": 0.0, "sibling_model": 0.0, "other_model": 0.0},
    "numbers_in_columns": lambda profiles, _: replace(profiles, codes=profiles.codes.filter("spoken")),
    "tails_of_numbers": lambda profiles, _: replace(
        profiles, codes=profiles.codes.with_columns(tail=pl.lit(None, dtype=pl.String))
    ),
    "pieces_of_numbers": lambda profiles, _: replace(
        profiles, codes=profiles.codes.with_columns(piece=pl.lit(None, dtype=pl.String))
    ),
    "brands_in_titles": lambda profiles, _: replace(profiles, mentions=profiles.mentions.clear()),
    "bundles": _without_bundles,
    "editions": lambda profiles, _: _without_editions(profiles),
}
"""Each part as the parameters that leave it out, or what becomes of the profiles (of products) without it."""


JUDGED = (*MATCHING, "trees", "short", "affixes", "electronics", "software")
"""Sets whose parts are left out: as they come, filed, cut short and numbered by two shops, and made by rules."""


def parts(folder: Path) -> Figures:
    """F1 of the given pairs without each part, set by set, and what the part brings on the mean of the sets, leaving one out.

    Texts and candidates are read once for each set. A set and its forms are left out together.
    """
    f1: dict[tuple[str, str], float] = {}
    for name, labelled in every_set(folder):
        if not name.endswith(JUDGED):
            continue
        products = prepared(labelled.products)
        profiles, ends = Profiles.read(products), rows_of(products, labelled.pairs)
        near = search(profiles.traits, profiles.size, NearDuplicates().candidates)
        same = labelled.pairs["label"] == 1
        for part, how in PARTS.items():
            config = DuplicateEvidence(**how) if isinstance(how, dict) else DuplicateEvidence()  # type: ignore[arg-type]
            comparison = Comparison.of(how(profiles, products) if callable(how) else profiles)
            weights = score_and_learn(comparison, *near, config)[2] if config.learn else None
            accepted = pl.Series(score(comparison, *ends, config, weights)[0] >= ACCEPT)
            f1[part, name] = dict(scores("", accepted & same, accepted, int(same.sum())))["_f1"]
            yield f"without_{part}_{name}", f1[part, name]
    names = dict.fromkeys(name for _, name in f1)
    for left in MATCHING:
        for part in PARTS:
            gains = [f1["nothing", name] - f1[part, name] for name in names if not name.startswith(left)]
            yield f"gain_{part}_without_{left}", sum(gains) / max(len(gains), 1)


def shop(size: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Simulated products, and their true items (product_id, item_id)."""
    from roar.marketplace.catalogue import generate_products
    from roar.parameters import Simulation

    streams = zip(*generate_products(Simulation(products=size), seed=0), strict=True)
    products, truths = (pl.concat(parts) for parts in streams)
    return products, truths.select("product_id", "item_id")


def true_pairs(truth: pl.DataFrame) -> pl.DataFrame:
    both = truth.join(truth, on="item_id", suffix="_b").filter(pl.col("product_id") < pl.col("product_id_b"))
    return both.select(product_id_a="product_id", product_id_b="product_id_b")


def simulated(size: int = 12_000) -> Figures:
    """Every figure of the simulated shop, whose truth is known for all pairs."""
    products, truth = shop(size)
    matches = true_pairs(truth)
    yield "simulated_candidate_recall", len(matches.join(candidate_pairs(products), on=ENDS, how="semi")) / len(matches)
    found = find_pairs(products).join(matches.with_columns(true=True), on=ENDS, how="left").fill_null(False)
    yield from scores("simulated_found", found["true"], found["similarity"] > 0, len(matches))
    clusters = cluster(products, found).rename({"cluster_id": "item_id"})
    together = true_pairs(clusters).join(matches.with_columns(true=True), on=ENDS, how="left").fill_null(False)
    yield from scores("simulated_clustered", together["true"], together["product_id_a"] != "", len(matches))


def two_shops(size: int = 6_000) -> Figures:
    """The simulated shop as two shops: each half of the listings has its own category tree and its own names for attributes."""
    products, truth = shop(size)
    second = (pl.col("product_id").hash(7) % 2) == 1
    tree = pl.when(second).then(pl.format("outlet {}", pl.col("product_id").hash(3) % 40)).otherwise("vertical")
    named = pl.col("attributes").str.replace_all(r'"(\w+)":', '"spec_$1":')
    own = pl.when(second).then(named).otherwise("attributes").fill_null("{}")
    rest = pl.when(own == "{}").then(pl.lit("}")).otherwise(pl.concat_str(pl.lit(", "), own.str.slice(1)))
    filed = pl.concat_str(pl.lit('{"tree": "'), tree, pl.lit('"'), rest)
    products = products.with_columns(attributes=filed)
    matches = true_pairs(truth)
    found = find_pairs(products).join(matches.with_columns(true=True), on=ENDS, how="left").fill_null(False)
    yield from scores("two_shops_found", found["true"], found["similarity"] > 0, len(matches))
    clusters = cluster(products, found).rename({"cluster_id": "item_id"})
    together = true_pairs(clusters).join(matches.with_columns(true=True), on=ENDS, how="left").fill_null(False)
    yield from scores("two_shops_clustered", together["true"], together["product_id_a"] != "", len(matches))


def alarm(folder: Path) -> Figures:
    """A catalogue without labels: how much of it is in clusters, and how often grades differ within them.

    Its relevance is a mean of raters, 1 to 3; grades are cut half-way between whole numbers.
    """
    products = pl.read_parquet(folder / "products.parquet").select(product_id="product_uid", title="product_title")
    judgments = pl.read_parquet(folder / "judgments.parquet").select(
        query_id="search_term", product_id="product_uid", grade=(pl.col("relevance") + 0.5).floor().cast(pl.Int64)
    )
    start = time.process_time()
    pairs = find_pairs(products)
    clusters = cluster(products, pairs)
    several = clusters.filter(pl.len().over("cluster_id") > 1)
    agreement = grade_agreement(judgments.unique(["query_id", "product_id"]), clusters, products)
    yield "homedepot_pairs", len(pairs)
    yield "homedepot_share_in_clusters", len(several) / len(products)
    yield "homedepot_cells", agreement.cells
    yield "homedepot_differing_grades", agreement.rate
    yield "homedepot_equal_titles", agreement.alike
    yield "homedepot_equal_titles_differing", agreement.floor
    yield "homedepot_excess", agreement.excess
    yield "homedepot_usual_difference", agreement.usual
    yield "homedepot_processor_seconds", time.process_time() - start
    yield from rater_noise(folder)
    sheet(products, pairs, Path("homedepot_pairs.tsv"))


def sheet(products: pl.DataFrame, pairs: pl.DataFrame, path: Path) -> None:
    """Pairs at random with both titles, as a table to be judged by hand."""
    titles = products.select("product_id", "title")
    drawn = pairs.sample(min(DRAWN, len(pairs)), seed=0).sort(ENDS).select(*ENDS, pl.col("similarity").round(3))
    for end, name in zip(ENDS, ("title_a", "title_b"), strict=True):
        named = titles.rename({"product_id": end, "title": name})
        drawn = drawn.join(named, on=end, how="left", maintain_order="left")
    drawn.write_csv(path, separator="\t")


def of_catalogue(path: Path) -> Figures:
    """A catalogue in the contract's columns: what it is said to hold twice, and a sheet of pairs beside it, `pairs.tsv`."""
    products = pl.read_parquet(path)
    found = deduplicate(products)
    sheet(products, found.pairs, Path("pairs.tsv"))
    prior = found.learned.filter(pl.col("kind") == "prior")
    yield "products", len(products)
    yield "estimated_share", prior["share"].sum()
    yield "pairs", len(found.pairs)
    yield "equal_titles", equal_titles(products, found.pairs)
    yield "share_in_clusters", found.clusters.filter(pl.len().over("cluster_id") > 1).height / len(products)


def equal_titles(products: pl.DataFrame, pairs: pl.DataFrame) -> int:
    """Pairs whose titles are one."""
    titles = products.select("product_id", title=folded(pl.col("title")))
    both = pairs.join(titles, left_on=ENDS[0], right_on="product_id")
    both = both.join(titles, left_on=ENDS[1], right_on="product_id", suffix="_b")
    return int((both["title"] == both["title_b"]).sum())


def rater_noise(folder: Path) -> Figures:
    """How much of the unlikeness of grades is the raters': a relevance is the mean of three, 1 to 3 each.

    The three are taken as near each other as their mean allows, so both figures are the least that raters make.
    """
    titles = pl.read_parquet(folder / "products.parquet").with_columns(title=folded(pl.col("product_title")))
    graded = pl.read_parquet(folder / "judgments.parquet").join(titles, on="product_uid")
    pairs = graded.join(graded, on=["search_term", "title"], suffix="_b").filter(
        pl.col("product_uid") < pl.col("product_uid_b")
    )
    one, other = (pairs[name].to_numpy() for name in ("relevance", "relevance_b"))
    part = np.rint(np.concatenate([one, other]) * 3).astype(int) % 3  # raters above the mean's whole number
    share = part / 3
    again = [binom.pmf(range(4), 3, p) for p in share]  # how many of three new raters would be above it
    differ = [1 - (odds[:2].sum() ** 2 + odds[2:].sum() ** 2) for odds in again]
    yield "homedepot_rerated_differing", float(np.mean(differ))
    yield "homedepot_deviation_of_raters", float(np.sqrt((share * (1 - share) / 2).mean()))
    yield "homedepot_deviation_of_equal_titles", float((one - other).std() / np.sqrt(2))


DRAWN = 100
"""Pairs that are drawn to be judged by hand."""


def cost(size: int) -> Figures:
    """Seconds of finding pairs and clusters, and the peak memory of this process (generation included)."""
    products, _ = shop(size)
    start, used = time.perf_counter(), time.process_time()
    pairs, clusters, *_ = deduplicate(products)
    seconds = time.perf_counter() - start
    yield "products", size
    yield "seconds", seconds
    yield "processor_seconds_of_this_process", time.process_time() - used
    yield "microseconds_per_product", seconds / size * 1e6
    yield "pairs", len(pairs)
    yield "clusters", clusters["cluster_id"].n_unique()
    yield "peak_memory_gb", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    yield "peak_memory_of_a_reading_process_gb", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2


BANDS = {"usual": None, "42_bands": (42, 3), "64_bands": (64, 2)}
"""How MinHashLSH cuts its 128 hashes: as it sets them for a threshold of 0.5, and in bands of 3 and of 2, which find more."""


def against_minhash(size: int) -> Figures:
    """Candidates from titles alone, ours and those of datasketch on the same word sets, both from the raw titles.

    MinHashLSH runs at its usual threshold, and in bands so short that it comes nearer to our recall; its pairs are counted
    as they come, never held. A speedup counts only beside the two recalls.
    """
    products, truth = shop(size)
    products, matches = products.select("product_id", "title"), true_pairs(truth)
    seconds = {}
    start = time.perf_counter()
    ours = candidate_pairs(products)
    seconds["ours"] = time.perf_counter() - start
    yield "candidates_seconds", seconds["ours"]
    yield "candidates_pairs", len(ours)
    yield "candidates_recall", len(matches.join(ours, on=ENDS, how="semi")) / len(matches)
    start = time.perf_counter()
    verify(products, ours)
    yield "verification_seconds", time.perf_counter() - start

    start = time.perf_counter()
    words = tokens(products, "title").group_by("row", maintain_order=True).agg("token")["token"].to_list()
    sketches = MinHash.bulk([[word.encode() for word in title] for title in words], num_perm=128)
    sketching = time.perf_counter() - start
    item = products.join(truth, on="product_id", maintain_order="left")["item_id"].to_list()
    for name, bands in BANDS.items():
        start = time.perf_counter()
        pairs, hits = minhash_pairs(sketches, item, bands)
        seconds[name] = sketching + time.perf_counter() - start
        yield f"minhash_{name}_seconds", seconds[name]
        yield f"minhash_{name}_pairs", pairs
        yield f"minhash_{name}_recall", hits / len(matches)
        yield f"minhash_{name}_times_as_long", seconds[name] / seconds["ours"]


def minhash_pairs(sketches: list[MinHash], item: list[str], bands: tuple[int, int] | None) -> tuple[int, int]:
    """How many pairs MinHashLSH finds, and how many of them are true."""
    index = MinHashLSH(threshold=0.5, num_perm=128) if bands is None else MinHashLSH(num_perm=128, params=bands)
    with index.insertion_session() as session:
        for row, sketch in enumerate(sketches):
            session.insert(row, sketch)
    pairs = hits = 0
    for row, sketch in enumerate(sketches):
        later = [other for other in index.query(sketch) if other > row]
        pairs += len(later)
        hits += sum(item[other] == item[row] for other in later)
    return pairs, hits


if __name__ == "__main__":
    main()
