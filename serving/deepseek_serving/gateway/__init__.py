"""The gateway: Envoy carries users' requests; an agent beside it tells it where to."""
