"""Each shipped environment, from its own YAML: real files where they are there, hand-written ones in their layout."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog

from roar.datasets.environment import environment_variable
from roar.errors import InputError
from roar.ingestion import Ingested, ingest
from roar.parameters import Ingestion
from roar.schemas import Judgments, Products, Queries

CONF = Path(__file__).parents[2] / "conf"
RAW = {
    "raw_products",
    "raw_queries",
    "raw_judgments",
    "raw_search_log",
    "raw_experiment_log",
    "raw_experiment_units",
    "raw_product_extras",
    "raw_judgment_extras",
}

real_data = pytest.mark.skipif("ROAR_REAL_DATA" not in os.environ, reason="ROAR_REAL_DATA is not set")


def loader(environment: str, **choices: str) -> OmegaConfigLoader:
    return OmegaConfigLoader(
        str(CONF),
        env=environment,
        base_env="base",
        default_run_env="local",
        runtime_params={"ingestion": {"choices": choices}} if choices else None,
        config_patterns={"parameters": ["parameters/ingestion.yml"], "catalog": ["catalog/raw.yml"]},
        custom_resolvers={"oc.env": environment_variable},
    )


def run(environment: str, change: Callable[[dict], dict] = dict, **choices: str) -> Ingested:
    """Load the environment's raw tables through its catalog, and ingest them with its parameters."""
    config = loader(environment, **choices)
    entries = {name: entry for name, entry in config["catalog"].items() if name in RAW}
    catalog = DataCatalog.from_config(entries)
    result = ingest(
        change({name: catalog.load(name) for name in entries}), Ingestion(**config["parameters"]["ingestion"])
    )
    Products.validate(result.products)
    Queries.validate(result.queries)
    Judgments.validate(result.judgments)
    return result


def test_base_parameters_are_the_defaults() -> None:
    assert Ingestion(**loader("base")["parameters"]["ingestion"]) == Ingestion()


@pytest.mark.parametrize("environment", ["base", "esci", "icecat", "crowdflower", "homedepot", "wands"])
def test_every_environment_has_all_raw_tables(environment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROAR_REAL_DATA", "/data")
    config = loader(environment)
    assert set(config["catalog"]) >= RAW
    assert config["globals"]["environment"] == environment
    if environment != "base":
        for name in RAW:
            entry = config["catalog"][name]
            assert entry.get("read_only") or entry["type"].endswith("ZippedJSON"), f"{name} could be overwritten"


@pytest.mark.real_data
@real_data
def test_esci() -> None:
    result = run("esci")
    assert result.judgments.height == 6_678 and result.queries.height == 150 and result.products.height == 6_764
    grades = dict(result.judgments.group_by("grade").len().rows())
    assert grades == {"exact": 3_389, "substitute": 1_898, "complement": 305, "irrelevant": 1_086}
    assert result.queries["negated"].sum() == 38
    assert set(result.queries["upstream_split"]) == {"test"}
    assert result.products["vertical"].null_count() == 252
    sizes = result.products.drop_nulls("vertical").group_by("vertical").len()
    assert sizes["len"].min() >= 100 and "Other" in sizes["vertical"].to_list()
    assert result.queries["vertical"].null_count() == 0
    assert "dropped" not in result.quality["action"]


@pytest.mark.real_data
@real_data
def test_icecat() -> None:
    result = run("icecat")
    assert result.products.height == 19_406 and result.queries.height == 135 and result.judgments.height == 3_668
    assert result.judgments.filter(pl.col("grade") == "exact")["query_id"].n_unique() == 104
    assert result.judgments["weight"].min() == pytest.approx(1 / 3) and result.judgments["weight"].n_unique() > 3
    attributes = [json.loads(text) for text in result.products["attributes"].head(2000).drop_nulls()]
    assert any(isinstance(value, float) for row in attributes for value in row.values())
    assert not any(name.startswith("attr_") for row in attributes for name in row)
    assert result.products["vertical"].n_unique() > 10
    assert (result.products["vertical"] == "Other").mean() < 0.2
    assert result.products["price"].median() < 1000


@pytest.mark.real_data
@real_data
def test_crowdflower() -> None:
    result = run("crowdflower")
    assert result.queries.height == 261
    merged = result.quality.filter(pl.col("table") == "judgments", pl.col("action") == "merged")["count"].sum()
    assert result.judgments.height + merged == 10_158 and merged == 145
    assert result.products["product_id"].n_unique() == 9_913
    assert not result.products["title"].str.contains("&#|</").any()
    assert (result.products["description"].null_count() / result.products.height) == pytest.approx(0.24, abs=0.02)
    assert result.judgments["weight"].min() < 0.5 and result.judgments["weight"].max() == 1
    assert (result.queries["vertical"] == "General merchandise").mean() < 0.1


@pytest.mark.real_data
@real_data
def test_homedepot() -> None:
    result = run("homedepot")
    assert result.products.height == 54_667 and result.queries.height == 9_451 and result.judgments.height == 59_399
    assert dict(result.judgments.group_by("grade").len().rows())["exact"] == 15_388
    assert not result.products["title"].str.contains("&#|&amp;").any()
    assert (result.products["vertical"] == "Other").mean() < 0.15
    assert result.queries["vertical"].null_count() == 0 and result.queries["vertical"].n_unique() > 12
    assert "dropped" not in result.quality["action"]


@pytest.fixture
def esci(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The upstream layout with what the sample lacks: locales that share ids, both versions, both splits."""
    folder = tmp_path / "esci"
    folder.mkdir()
    products = [
        ("A1", "Oak desk", "us"),
        ("A1", "Eichentisch", "es"),
        ("A2", "Desk lamp", "us"),
        ("A3", "Lámpara", "es"),
    ]
    pl.DataFrame(
        {
            "product_id": [id_ for id_, _, _ in products],
            "product_title": [title for _, title, _ in products],
            "product_description": ["<b>Solid</b>", None, None, None],
            "product_bullet_point": ["one\ntwo", None, None, None],
            "product_brand": ["Holt", None, None, None],
            "product_color": [None, None, "Black", None],
            "product_locale": [locale for _, _, locale in products],
        }
    ).write_parquet(folder / "shopping_queries_dataset_products.parquet")
    pl.DataFrame(
        {
            "example_id": [0, 1, 2, 3],
            "query": ["desk", "desk", "desk not lamp", "lámpara"],
            "query_id": [1, 1, 2, 3],
            "product_id": ["A1", "A2", "A2", "A3"],
            "product_locale": ["us", "us", "us", "es"],
            "esci_label": ["E", "C", "I", "E"],
            "small_version": [1, 1, 0, 0],
            "large_version": [1, 1, 1, 1],
            "split": ["train", "train", "test", "test"],
        }
    ).write_parquet(folder / "shopping_queries_dataset_examples.parquet")
    monkeypatch.setenv("ROAR_REAL_DATA", str(tmp_path))
    return folder


def test_esci_layout_without_categories(esci: Path) -> None:
    result = run("esci")
    assert result.products["title"].to_list() == ["Oak desk", "Desk lamp"]
    assert result.products["description"].to_list() == ["one two Solid", None]
    assert result.products["attributes"].to_list() == [None, '{"color": "Black"}']
    assert result.queries.select("query_id", "upstream_split", "negated").rows() == [
        ("1", "train", False),
        ("2", "test", True),
    ]
    assert result.judgments["upstream_label"].to_list() == ["E", "C", "I"]


def test_esci_locale_and_version_are_parameters(esci: Path) -> None:
    assert run("esci", locale="es", version="large").products["title"].to_list() == ["Eichentisch", "Lámpara"]
    assert run("esci", locale="us", version="small").queries["query_id"].to_list() == ["1"]
    with pytest.raises(InputError, match=r"no row has product_locale = de.*it holds es, us"):
        run("esci", locale="de", version="large")


@pytest.fixture
def wands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "wands"
    folder.mkdir()
    (folder / "query.csv").write_text(
        "query_id\tquery\tquery_class\n0\tsalon chair\tMassage Chairs\n1\tsmart coffee table\t\n"
    )
    header = "product_id\tproduct_name\tproduct_class\tcategory hierarchy\tproduct_description\tproduct_features\t"
    rows = [
        "0\tsolid wood bed\tBeds\tFurniture / Bedroom Furniture / Beds\tgood , deep sleep\t"
        "overallwidth-sidetoside:64.7|dsprimaryproductstyle : modern|material : oak|material : steel\t15.0\t4.5\t15.0",
        '1\t"swivel ""salon"" chair"\t\tCommercial / Salon\t"two\nlines"\t\t\t\t',
        "2\tcoffee table\tTables\t\t\tcolor : white\t1.0\t5.0\t1.0",
    ]
    (folder / "product.csv").write_text(
        header + "rating_count\taverage_rating\treview_count\n" + "\n".join(rows) + "\n"
    )
    (folder / "label.csv").write_text(
        "id\tquery_id\tproduct_id\tlabel\n0\t0\t1\tExact\n1\t0\t0\tIrrelevant\n2\t1\t2\tPartial\n3\t1\t0\tIrrelevant\n"
    )
    monkeypatch.setenv("ROAR_REAL_DATA", str(tmp_path))
    return folder


def test_wands_layout(wands: Path) -> None:
    result = run("wands")
    assert result.products["title"].to_list() == ["solid wood bed", 'swivel "salon" chair', "coffee table"]
    assert result.products["description"].to_list() == ["good , deep sleep", "two lines", None]
    assert result.products["vertical"].to_list() == ["Other", "Other", None]  # fewer than 50 products each
    assert json.loads(result.products["attributes"][0]) == {
        "overallwidth-sidetoside": "64.7",
        "dsprimaryproductstyle": "modern",
        "material": "oak, steel",
    }
    assert result.queries["query_class"].to_list() == ["Massage Chairs", None]
    assert result.judgments.select("query_id", "product_id", "grade", "upstream_label").rows() == [
        ("0", "1", "exact", "Exact"),
        ("0", "0", "irrelevant", "Irrelevant"),
        ("1", "2", "substitute", "Partial"),
        ("1", "0", "irrelevant", "Irrelevant"),
    ]


def test_wands_with_an_unknown_label(wands: Path) -> None:
    labels = wands / "label.csv"
    labels.write_text(labels.read_text().replace("Partial", "Perhaps"))
    with pytest.raises(
        InputError, match=r"grade: column label holds 1 values without a translation \(first: Perhaps\)"
    ):
        run("wands")


@pytest.fixture
def icecat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two archives of records with different keys, ratings, and raters for some of them."""
    import zipfile

    folder = tmp_path / "icecat"
    folder.mkdir()
    records: list[list[dict[str, Any]]] = [
        [
            {
                "id": "7",
                "name": "X-1",
                "title": "Acme X-1 laptop bag",
                "supplier": "Acme",
                "price": 1995,
                "attr_t_type": "Bag",
                "short_description": "A <b>bag</b>",
            }
        ],
        [
            {
                "id": "8",
                "name": "L-2",
                "title": "",
                "supplier": "Acme",
                "price": 49900,
                "attr_n_weight": 1.5,
                "ean": ["1"],
            }
        ],
    ]
    for number, part in enumerate(records, 1):
        with zipfile.ZipFile(folder / f"{number}.json.zip", "w") as archive:
            archive.writestr(f"{number}.json", json.dumps(part))
    (folder / "Broad_Query_Set_rated.csv").write_text("query,docid,rating\nlaptop,7,1\nlaptop,8,3\nbag,7,3\n")
    (folder / "Broad_Query_Set_individual_ratings.csv").write_text(
        "query,docid,name,description,agent_1_rating,agent_2_rating,agent_3_rating,final_rating\n"
        'laptop,7,X-1,"a ""b"", c",0,1,2,1\nbag,7,X-1,,3,3,3,3\n'
    )
    monkeypatch.setenv("ROAR_REAL_DATA", str(tmp_path))
    return folder


def test_icecat_layout(icecat: Path) -> None:
    result = run("icecat")
    assert result.products.select("product_id", "title", "price", "vertical").rows() == [
        ("7", "Acme X-1 laptop bag", 19.95, "Bags, mounts and furniture"),
        ("8", "L-2", 499.0, "Other"),
    ]
    assert [json.loads(text) for text in result.products["attributes"]] == [
        {"type": "Bag", "part_number": "X-1"},
        {"weight": 1.5, "part_number": "L-2"},
    ]
    assert result.judgments["grade"].to_list() == ["complement", "exact", "exact"]
    assert result.judgments["weight"].to_list() == pytest.approx([1 - 4 / 9, 1.0, 1.0])


def test_crowdflower_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "crowdflower").mkdir()
    (tmp_path / "crowdflower" / "train.csv").write_text(
        "id,query,product_title,product_description,median_relevance,relevance_variance\n"
        '1,iphone 5,"Case, black",<p>Fits</p>,2,0.5\n2,iphone 5,"Case, black",<p>Fits</p>,4,0\n3,robe,Robe,,4,0\n'
    )
    monkeypatch.setenv("ROAR_REAL_DATA", str(tmp_path))
    result = run("crowdflower")
    assert result.products["title"].to_list() == ["Case, black", "Robe"]
    assert result.queries["vertical"].to_list() == ["Mobiles", "Fashion"]
    assert result.judgments["grade"].to_list() == ["complement", "exact"]  # a tied majority takes the lower grade
    assert result.judgments["weight"].to_list() == pytest.approx([0.5 / 1.5, 1.0])


def test_homedepot_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any judgments file of the layout: other terms, other pairs, every level of relevance."""
    (tmp_path / "homedepot").mkdir()
    titles = [
        "Delta Porter 8 in. Bathroom Faucet &amp; Drain",
        "Everbilt 3/4 in. Bolt",
        "Philips 60W LED Light Bulb",
        "Gift",
    ]
    products = pl.DataFrame({"product_uid": ["1", "2", "3", "4"], "product_title": titles})
    products.write_parquet(tmp_path / "homedepot" / "products.parquet")
    levels = [3.0, 2.75, 2.67, 2.33, 2.0, 1.67, 1.33, 1.0]
    judged = {
        "id": [str(number) for number in range(8)],
        "product_uid": ["1", "2", "3", "4"] * 2,
        "search_term": ["bath faucet"] * 4 + ["i bolt"] * 4,
        "relevance": levels,
    }
    pl.DataFrame(judged).write_parquet(tmp_path / "homedepot" / "judgments.parquet")
    monkeypatch.setenv("ROAR_REAL_DATA", str(tmp_path))
    result = run("homedepot")
    grades = result.judgments["grade"].to_list()
    assert grades == ["exact"] + ["substitute"] * 3 + ["complement"] * 2 + ["irrelevant"] * 2
    assert result.queries["query"].to_list() == ["bath faucet", "i bolt"] and result.queries["query_id"].n_unique() == 2
    assert result.products["vertical"].to_list() == ["Bath and plumbing", "Hardware", "Lighting", "Other"]
    assert result.products["title"][0] == "Delta Porter 8 in. Bathroom Faucet & Drain"
