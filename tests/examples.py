"""How many examples a property is tried on."""

from hypothesis import settings

_MORE = 10
"""Times as many in a campaign: minutes for each of the histories, not seconds."""


def in_a_campaign(usual: int) -> int:
    """So many there."""
    return usual * _MORE


def as_many_as(usual: int, *, campaign: int | None = None) -> int:
    """So many in `make test`, and more in a campaign: ten times as many, or as many as is said."""
    if settings.get_current_profile_name() != "campaign":
        return usual
    return in_a_campaign(usual) if campaign is None else campaign
