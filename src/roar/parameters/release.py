"""The release: which encoder, which index, what a search may filter by and shows."""

from pydantic import ConfigDict, Field

from roar.parameters.base import Parameters


class Release(Parameters):
    """What is shipped, and how its index is chosen."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )

    from_: str | None = Field(None, alias="from")  # folder of a kept encoder to release; null: the one just trained
    single_encoder: bool = True  # where encoders were cross-fitted: train one on all judged queries
    index: str = "auto"  # measure candidates, or a FAISS factory string
    recall: float = Field(0.97, gt=0, le=1)  # recall@100 against an exact scan that the index has to keep
    memory: float | None = Field(None, gt=0)  # megabytes that the index may take; null for any
    queries: int = Field(300, ge=1)  # real queries, none of them tested, that candidates are measured on
    filters: tuple[str, ...] = ("vertical", "brand", "price")  # columns of products that a search may filter by
    shown: tuple[str, ...] = ("title", "brand", "vertical", "price")  # columns that a hit shows; kept in memory
    collapse: float = Field(0.98, gt=0, le=1)  # near-copies this close share one entry of the index
    rebuild: float = Field(0.2, gt=0)  # share of changed products beyond which the index is built again
    keep: int = Field(2, ge=1)  # versions kept side by side
    storage_dimensions: tuple[int, ...] = (256, 128, 64)  # of the table of what fewer bits and dimensions cost
