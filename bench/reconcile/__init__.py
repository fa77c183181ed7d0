"""What a reconcile costs, and how the operator stands beside a plain kopf operator."""
