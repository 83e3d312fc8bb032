"""Names of one brand are no contradiction, and what a catalogue teaches holds for its clusters too."""

import polars as pl
import pytest

from roar.near_duplicates import brands, cluster, find_pairs, verify

PAIR = pl.DataFrame({"product_id_a": ["a"], "product_id_b": ["b"]})


def judged(titles: tuple[str, str], named: tuple[str, str]) -> dict[str, object]:
    others = [f"Orvane {word} for desk and shelf" for word in ("lamp", "stool", "vase", "clock", "mirror")]
    products = pl.DataFrame(
        {"product_id": list("abcdefg"), "title": [*titles, *others], "brand": [*named, *["orvane"] * 5]}
    )
    return verify(products, PAIR).row(0, named=True)


@pytest.mark.parametrize(
    ("titles", "named"),
    [
        (("Encore hoyle card games", "Hoyle card games"), ("encore", "encore software")),
        (("Hoyle card games by Encore", "Hoyle card games"), ("valusoft", "encore")),
        (("Mixer two channels", "Mixer two channels"), ("dj tech", "dj-tech")),
    ],
)
def test_one_brand_in_two_names_contradicts_nothing(titles: tuple[str, str], named: tuple[str, str]) -> None:
    assert judged(titles, named)["similarity"] > judged(titles, ("valusoft", "topics"))["similarity"] + 0.1


def test_a_common_beginning_makes_no_two_brands_one() -> None:
    """General Electric and General Mills each begin as General does, and are two."""
    others = ["general"] * 3 + ["orvane"] * 2
    products = pl.DataFrame(
        {
            "product_id": list("abcdefg"),
            "title": ["Mixer two channels"] * 2
            + [f"{word} for desk" for word in ("lamp", "stool", "vase", "clock", "bin")],
            "brand": ["general electric", "general mills", *others],
        }
    )
    assert "brand differs" in verify(products, PAIR)["evidence"][0]


def test_a_brand_that_an_accessory_serves_is_not_its_own() -> None:
    """Both cases are for an Orvane; one is an Orvane, the other only fits it."""
    titles = "Zimboro case for Orvane mixer", "Case for Orvane mixer"
    assert judged(titles, ("zimboro", "orvane"))["similarity"] == judged(titles, ("zimboro", "keldra"))["similarity"]


def test_names_are_one_brand_where_sure_pairs_say_so_often_and_chance_does_not() -> None:
    one = ["hp"] * 40 + ["wasabi"] * 6
    other = ["hp"] * 35 + ["hewlettpackard"] * 5 + ["sony", "canon", "nikon", "sony", "canon", "nikon"]
    told = brands.aliases(pl.DataFrame({"one": one, "other": other}))
    assert told.rows() == [("hewlettpackard", "hp")]


def two_shops(items: int = 60) -> pl.DataFrame:
    """Two shops with category trees of their own, and three names for one brand."""
    rows = []
    for i in range(items):
        code, tree = f"{i}4{i}7", f'{{"category": "mixers {i % 7}"}}'
        own = "dj-tech" if i % 3 else "deejay technologies"
        rows.append((f"a{i:02}", f"Mixer model DJT-{code} with usb", "dj tech", tree))
        title = f"{'Tech' if i % 2 else 'Numark'} mixer DJT{code} usb audio"
        rows.append((f"b{i:02}", title, own, f'{{"category": "dept {i % 5}"}}'))
    return pl.DataFrame(rows, schema=["product_id", "title", "brand", "attributes"], orient="row")


def test_clusters_keep_the_pairs_of_shops_with_trees_and_names_of_their_own() -> None:
    """What the catalogue taught when pairs were found also holds when they are grouped."""
    products = two_shops()
    pairs = find_pairs(products)
    assert len(pairs) == 60
    assert cluster(products, pairs)["cluster_id"].n_unique() == 60
