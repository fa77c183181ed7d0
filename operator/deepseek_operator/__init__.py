"""Decides what DeepSeek deployments become on the cluster; never touches a request."""
