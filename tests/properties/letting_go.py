"""What a plan lets go."""

from deepseek_operator.observed import revision_of
from deepseek_operator.plan import Plan


def going(plan: Plan) -> set[str | None]:
    """Revisions of which something is deleted; a budget alone goes where none of its pods is to be there."""
    return {revision_of(item) for item in plan.delete if item["kind"] != "PodDisruptionBudget"}
