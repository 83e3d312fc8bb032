"""Which vectors answer: those of the release's folder, or a server's that hold the same version."""

from roar.parameters import Engines
from roar.retrieval import SearchIndex
from roar.retrieval.vector_index import VectorIndex


def vectors_of(index: SearchIndex, engines: Engines) -> VectorIndex:
    """The index itself, or its version on the server that `engines` names.

    Raises:
        InputError: pymilvus is not installed, the server is not there, or it does not hold this version.
    """
    if engines.vectors == "local":
        return index
    from roar.engines.milvus import MilvusIndex

    return MilvusIndex.read(engines.milvus, index.manifest.version)
