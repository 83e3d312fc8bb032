"""Roar: semantic product retrieval for e-commerce search, trained in two stages and judged with care.

The packages tell the method's story in this order: `marketplace` and `ingestion` bring data under the contract of
`schemas`; `near_duplicates` and `training_sets` turn them into what the two stages learn from; `encoder`, `losses` and
`training` are the model; `retrieval` serves it; `metrics`, `ab_testing` and `report` say what it is worth. `pipelines`
wires them together with Kedro; nothing else needs Kedro.
"""

__version__ = "0.1.0"
