"""Raw tables of any shape to the data contract of `roar.schemas`, by a mapping written in YAML.

The steps, one module each:

    mapping      which raw table, which rows, which side tables: from `roar.parameters.TableMapping`
    expressions  what each column of the contract is made of: columns, hashes, labels, hierarchy levels, rules
    conform      the kinds of the contract (id, text, price, ...): read, clean and count what does not fit
    integrity    rules between rows: duplicate ids, dangling ids, contradictory judgments, too much lost
    verticals    the vertical of queries that have none
    assemble     `ingest`, which runs them in order

Nothing vanishes silently: every row dropped and every value repaired is counted in the table `Ingested.quality`
(`roar.ingestion.quality`), and what cannot be mended ends in one `roar.errors.InputError`.
"""

from typing import TYPE_CHECKING

from roar.lazy import loader

if TYPE_CHECKING:
    from roar.ingestion.assemble import Ingested, ingest

__all__ = ["Ingested", "ingest"]

__getattr__ = loader(__name__, {"assemble": __all__})  # who cleans a text alone does without contracts
