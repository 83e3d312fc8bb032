"""Engines beyond this process: which job runs on which, and how each is reached."""

from typing import Annotated, Literal

from pydantic import Field

from roar.parameters.base import MACHINE_ONLY, Parameters


class SparkEngine(Parameters):
    """A Spark session: a local one, or that of a cluster."""

    master: str = "local[*]"  # spark://host:7077, yarn, k8s://…; where a session runs already, that one is taken
    partitions: int = Field(64, ge=1)  # of a shuffle: 2 to 4 for each core of the cluster
    settings: dict[str, str] = {}  # any of Spark's own: {spark.driver.memory: 8g}


class RayEngine(Parameters):
    """A Ray cluster: a local one, or the one at an address."""

    address: str | None = None  # ray://host:10001, or auto; null: started in this process for the time of the job
    actors: int = Field(2, ge=1)  # encoders at a time
    cpus: float = Field(1.0, gt=0)  # cores of each
    gpus: float = Field(0.0, ge=0)  # and GPUs: 1 on machines that have them


class MilvusServer(Parameters):
    """A Milvus server, or the file of its embedded form."""

    uri: str | None = None  # http://host:19530, or a file that ends in .db for milvus-lite
    token: str = ""  # user:password, by ${oc.env:MILVUS_TOKEN}
    collection: str = Field("roar", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")  # the alias of the current version
    index: str = "AUTOINDEX"  # Milvus's index type; FLAT scans, exactly


class Engines(Parameters):
    """One engine for each job; results are those of `local`."""

    near_duplicates: Annotated[Literal["local", "spark"], MACHINE_ONLY] = "local"
    encoding: Annotated[Literal["local", "ray", "spark"], MACHINE_ONLY] = "local"
    vectors: Literal["local", "milvus"] = "local"
    spark: Annotated[SparkEngine, MACHINE_ONLY] = SparkEngine()
    ray: Annotated[RayEngine, MACHINE_ONLY] = RayEngine()
    milvus: MilvusServer = MilvusServer()
