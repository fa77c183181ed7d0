"""Who answers in place of the serving revision, in which order. Pure.

A chain never leads to the revision that it stands behind, nor to one that is on its way to serve: what a
candidate is worth is not known yet. So it has no loop, whatever is promoted or taken back.
"""

from dataclasses import dataclass, replace

from deepseek_operator.rollout.switch import Roles


@dataclass(frozen=True, slots=True)
class Member:
    """A revision that stands in for others, and how many pods it is to have at least."""

    key: str
    replicas: int


@dataclass(frozen=True, slots=True)
class Chain:
    """The members in their order; `when` is why they are asked, empty for whatever reason."""

    members: tuple[Member, ...] = ()
    when: tuple[str, ...] = ()

    def behind(self, roles: Roles) -> Roles:
        """The roles with the chain behind who serves, and with the pods of its members.

        Those of the target are as many as the spec says. While requests are split, a member is asked
        whatever the reason: gateways have one set of reasons, and a candidate needs all of them.
        """
        if not self.members:
            return roles
        standing = self._standing_behind(roles)
        then = {key: (*others, *self._after(standing)) for key, others in roles.then.items()}
        return replace(
            roles,
            replicas=self._with_members(roles),
            then={**then, roles.routed: standing} if standing else then,
            when=() if roles.then else self.when,
            # It keeps the pods that it stands in with, so it may go on answering with them.
            shut="" if roles.routed in {one.key for one in self.members} else roles.shut,
        )

    def _standing_behind(self, roles: Roles) -> tuple[str, ...]:
        coming = {roles.target, roles.candidate, *roles.weights, roles.routed}
        return tuple(member.key for member in self.members if member.key not in coming)

    def _after(self, standing: tuple[str, ...]) -> tuple[str, ...]:
        """Behind a candidate: whom the stable revision would turn to, unless it may not always."""
        return () if self.when else standing

    def _with_members(self, roles: Roles) -> dict[str, int]:
        wanted = dict(roles.replicas)
        for member in self.members:
            present = wanted.get(member.key, 0)
            if member.key != roles.target or not present:
                wanted[member.key] = max(present, member.replicas)
        return wanted
