"""What an Envoy does as its memory and its connections run out, and where that begins. Pure."""

from dataclasses import dataclass

from deepseek_serving.gateway.parts import TYPE, Config

_MIB = 1024 * 1024
DEFAULT_MEMORY_BYTES = 1024 * _MIB
"""Of a container without a limit of its own; the operator's default."""
_BESIDE_BYTES = 64 * _MIB
"""What stands beside Envoy's heap: its program, its threads' stacks, the preStop hook."""
_SOCKETS_SHARE = 8
"""One part of so many of the memory is for what the kernel holds of connections."""
_LEAST_HEAP_BYTES = 64 * _MIB
_CONNECTION_BYTES = 32 * 1024
"""Of the heap, for each connection."""
_LEAST_CONNECTIONS = 256
_OWN_FILES = 256
"""Of Envoy itself: its log, its listeners, its agent."""

_HEAP = "envoy.resource_monitors.fixed_heap"
_CONNECTIONS = "envoy.resource_monitors.global_downstream_max_connections"
_TRACKED_POWER = 16
"""Streams that hold 64 KiB (2 ** 16) and more may be cut for memory."""


@dataclass(frozen=True, slots=True)
class Room:
    """What Envoy's container may use."""

    memory_bytes: int = DEFAULT_MEMORY_BYTES
    files: int = 1024 * 1024
    """Open at once, connections among them."""

    @property
    def heap_bytes(self) -> int:
        """Of its memory, what Envoy itself may allocate: it is to shed load before the kernel kills it."""
        rest = self.memory_bytes - _BESIDE_BYTES - self.memory_bytes // _SOCKETS_SHARE
        return max(_LEAST_HEAP_BYTES, rest)

    @property
    def connections(self) -> int:
        """Of clients, at once; each may be in need of one to an engine, too."""
        by_memory = self.heap_bytes // _CONNECTION_BYTES
        by_files = (self.files - _OWN_FILES) // 2
        return max(_LEAST_CONNECTIONS, min(by_memory, by_files))


def manager(room: Room) -> Config:
    """The overload manager: first what nobody notices, then who is idle, then who is new, then who holds most."""
    return {
        "refresh_interval": "0.1s",
        "resource_monitors": [
            _monitor(_HEAP, "fixed_heap", "FixedHeapConfig", max_heap_size_bytes=room.heap_bytes),
            _monitor(
                _CONNECTIONS,
                "downstream_connections",
                "DownstreamConnectionsConfig",
                max_active_downstream_connections=room.connections,
            ),
        ],
        "actions": [
            _action("shrink_heap", _from(0.80)),
            {
                **_action("reduce_timeouts", _between(0.80, 0.95)),
                "typed_config": {
                    "@type": f"{TYPE}.config.overload.v3.ScaleTimersOverloadActionConfig",
                    # Connections without a request. Never those of streams: they are users' answers.
                    "timer_scale_factors": [
                        {"timer": "HTTP_DOWNSTREAM_CONNECTION_IDLE", "min_timeout": "5s"}
                    ],
                },
            },
            _action("disable_http_keepalive", _from(0.90)),
            _action("stop_accepting_requests", _from(0.95)),
            _action("reset_high_memory_stream", _between(0.92, 0.98)),
        ],
        "loadshed_points": [
            {"name": "envoy.load_shed_points.tcp_listener_accept", "triggers": [_from(0.95)]},
            {
                # Whoever goes on sending a body is cut, the likelier the more often: it is what takes memory.
                "name": "envoy.load_shed_points.http1_server_abort_dispatch",
                "triggers": [_between(0.90, 0.99)],
            },
        ],
        "buffer_factory_config": {"minimum_account_to_track_power_of_two": _TRACKED_POWER},
    }


def _monitor(name: str, package: str, message: str, **settings: int) -> Config:
    kind = f"{TYPE}.extensions.resource_monitors.{package}.v3.{message}"
    return {"name": name, "typed_config": {"@type": kind, **settings}}


def _action(name: str, trigger: Config) -> Config:
    return {"name": f"envoy.overload_actions.{name}", "triggers": [trigger]}


def _from(share: float) -> Config:
    """Once so much of the heap is used."""
    return {"name": _HEAP, "threshold": {"value": share}}


def _between(first: float, last: float) -> Config:
    """The more, the more of it is used."""
    return {
        "name": _HEAP,
        "scaled": {"scaling_threshold": first, "saturation_threshold": last},
    }
