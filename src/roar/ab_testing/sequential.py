"""Intervals that may be looked at every day."""

import math


def always_valid_quantile(information: float, planned: float, alpha: float = 0.05) -> float:
    """How many standard errors wide an interval must be to hold at all times at once.

    The Gaussian-mixture asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas
    ("Time-uniform central limit theory and asymptotic confidence sequences", arXiv 2103.06476, theorem 2.2): at
    time t the half-width is

        standard error * sqrt( 2 (t r + 1) / (t r) * log( sqrt(t r + 1) / alpha ) ),

    with r = (-2 log alpha + log(1 - 2 log alpha)) / planned, which makes it narrowest near the planned time
    (their appendix B.2). Time is counted in information, one over the squared standard error: for units that arrive one
    after the other it is their number. Units that come back on later days make the estimates of two days more alike
    than that, not less, so that the interval errs towards caution; a test plays this through.

    Args:
        information: gathered so far, above 0.
        planned: information at which the interval should be narrowest; not to be chosen by the effect.
        alpha: probability of ever missing the truth.
    """
    log_alpha = math.log(alpha)
    time = information * (-2 * log_alpha + math.log(1 - 2 * log_alpha)) / planned
    return math.sqrt(2 * (time + 1) / time * (0.5 * math.log(time + 1) - log_alpha))
