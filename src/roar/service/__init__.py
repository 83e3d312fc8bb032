"""The released index as an HTTP service: `roar serve`, or `create_app` in a server of your own.

app        the application: what it is made of, what happens at its start and end
routes     /search, /compare, /products/{id}, /similar/{id}
models     what is asked and answered, typed, as OpenAPI says it
openapi    limits, systems and fields of what is served, in the schema
queries    a query's text as the encoder knows it
searcher   answers of the releases in memory: rank, group, page, show; a newer release is another searcher
explaining stated attributes of a hit that agree with a query or contradict it
evidence   known grades, strata, example queries and the annotation queue, as reporting left them
releases   the releases in memory, and the newer one that takes a place
workers    threads, the queue before them, time-outs
faults     every 4xx and 5xx in one form
edges      request ids, headers, limits of size, the access log
health     /healthz, /readyz, /metrics
hooks      what a log and an experiment are told, and may decide

rooms      what joins it, by `create_app(..., log=, experiment=, routers=)`:
visitors   who searches, as far as a log needs to know
logs       searches and events, kept in the contract's columns
recording  what the log is told, POST /events
trial      the experiment: a visitor's variant, two rankings in one list
page       the page, and the judge's view of it
"""

from typing import TYPE_CHECKING

from roar.lazy import loader

if TYPE_CHECKING:
    from roar.service.app import create_app
    from roar.service.settings import Settings

__all__ = ["Settings", "create_app"]

__getattr__ = loader(__name__, {"app": ("create_app",), "settings": ("Settings",)})
