"""A/B tests of search: from a log of searches to a decision.

`aggregate` reads the log (however long), applies the policies for bad rows and reduces it to moments; `uplifts` and
`cumulative` estimate; `check` says whether the test can be trusted; `decide` applies the rules of the verdict. `plan`
sizes a test before it starts, `assign` says who sees what; `preference` reads the cheaper one, interleaving. Estimators are tea-tasting's.
"""

from typing import TYPE_CHECKING

from roar.lazy import loader

if TYPE_CHECKING:
    from roar.ab_testing.aggregation import Aggregated, aggregate, aggregate_history, query_levels
    from roar.ab_testing.assignment import assign
    from roar.ab_testing.checks import check
    from roar.ab_testing.drafting import team_draft
    from roar.ab_testing.estimates import cumulative, uplift, uplifts
    from roar.ab_testing.interleaving import Preference, preference, votes_of
    from roar.ab_testing.offline import Agreement, agreement, offline_to_online
    from roar.ab_testing.power import detectable_effect, plan, units_needed
    from roar.ab_testing.sequential import always_valid_quantile
    from roar.ab_testing.verdict import Verdict, decide

__all__ = [
    "Aggregated",
    "Agreement",
    "Preference",
    "Verdict",
    "aggregate",
    "aggregate_history",
    "agreement",
    "always_valid_quantile",
    "assign",
    "check",
    "cumulative",
    "decide",
    "detectable_effect",
    "offline_to_online",
    "plan",
    "preference",
    "query_levels",
    "team_draft",
    "units_needed",
    "uplift",
    "uplifts",
    "votes_of",
]

_HOMES = {
    "aggregation": ("Aggregated", "aggregate", "aggregate_history", "query_levels"),
    "assignment": ("assign",),
    "checks": ("check",),
    "drafting": ("team_draft",),
    "estimates": ("cumulative", "uplift", "uplifts"),
    "interleaving": ("Preference", "preference", "votes_of"),
    "offline": ("Agreement", "agreement", "offline_to_online"),
    "power": ("detectable_effect", "plan", "units_needed"),
    "sequential": ("always_valid_quantile",),
    "verdict": ("Verdict", "decide"),
}

__getattr__ = loader(__name__, _HOMES)  # a service that assigns and drafts does without statistics
