"""Envoy's listeners for users' requests. Pure."""

from dataclasses import dataclass

from deepseek_serving.gateway import certificates, errors, keys, limits, logs, tracing
from deepseek_serving.gateway.bootstrap import HOLD_PORT, PROBE_PORT
from deepseek_serving.gateway.document import Document
from deepseek_serving.gateway.parts import (
    ROUTER,
    ROUTES,
    Config,
    address,
    from_agent,
    http_chain,
)

CLIENT_PORT = 8080


@dataclass(frozen=True, slots=True)
class Access:
    """How clients get in, as the pod was made."""

    port: int | None = CLIENT_PORT
    """For plain HTTP; None for TLS alone."""
    tls_port: int | None = None
    probe_port: int = PROBE_PORT
    """Of Envoy itself; whatever is asked there but for its health is passed on to another."""
    hold_port: int = HOLD_PORT
    """Of the agent: where requests wait that find no replica."""
    keys: bool = False
    """Whether only those with a key do."""


def listeners(document: Document, access: Access) -> tuple[Config, ...]:
    """The same for all who get in, however they do."""
    plain, secure = access.port, access.tls_port
    return (
        *(() if plain is None else (_listener(document, access, plain),)),
        *(() if secure is None else (_tls_listener(document, access, secure),)),
    )


def _tls_listener(document: Document, access: Access, port: int) -> Config:
    plain = _listener(document, access, port)
    [chain] = plain["filter_chains"]
    chains = [{**chain, "transport_socket": certificates.socket()}]
    return {**plain, "name": "clients-tls", "filter_chains": chains}


def _listener(document: Document, access: Access, port: int) -> Config:
    """Where users' requests come in, and what no request exceeds."""
    more = keys.refusals() if access.keys else ()
    cleaned = [*(keys.cleaning() if access.keys else ()), *tracing.cleaning(document)]
    manager = {
        "stat_prefix": "clients",
        "rds": {"config_source": from_agent(), "route_config_name": ROUTES},
        "access_log": logs.loggers(
            document.access_log, keys=access.keys, classes=document.long is not None
        ),
        "local_reply_config": errors.local_replies(document.limits, more),
        **({"early_header_mutation_extensions": cleaned} if cleaned else {}),
        **limits.of_manager(),
        **tracing.of_manager(document),
        # What runs may end; the preStop hook waits for that.
        "drain_timeout": "5s",
        "http_filters": [
            *(keys.filters() if access.keys else ()),
            limits.whole_requests(document.limits),
            ROUTER,
        ],
    }
    return {
        "name": "clients",
        "address": address("0.0.0.0", port),  # noqa: S104 - a pod's own port
        **limits.of_listener(),
        "filter_chains": http_chain(manager),
    }
