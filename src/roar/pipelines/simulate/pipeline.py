"""The simulated marketplace.

parameters, seed ──► raw products, queries, judgments, search log
                └──► the truth: which listings are one item, what each query means, the click model, grades without rater noise
"""

from kedro.pipeline import Pipeline, node

from roar.pipelines.boxes import box
from roar.pipelines.simulate import nodes


def create_pipeline(**_: object) -> Pipeline:
    """One node: the tables of a shop belong together."""
    return box(
        "simulation",
        [
            node(
                nodes.simulate_marketplace,
                ["params:simulate", "params:seed", "params:environment"],
                [
                    "raw_products",
                    "raw_queries",
                    "raw_judgments",
                    "raw_search_log",
                    "true_items",
                    "true_query_intents",
                    "true_click_model",
                    "true_judgments",
                ],
                name="simulate_marketplace",
            )
        ],
    )
