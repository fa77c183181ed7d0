"""Days of traffic through autoscalers: the operator's own law beside those that HPA and KEDA document."""
