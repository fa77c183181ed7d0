"""The embedded cluster: a real Kubernetes on one machine, whole or only its control plane."""
