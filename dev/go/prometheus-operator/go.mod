module deepseek-operator.local/prometheus-operator

go 1.25.0

// Only its definitions are taken: dev/prometheus_operator.py.
require github.com/prometheus-operator/prometheus-operator v0.92.1
