"""What a platform team watches objects with: alerts and dashboards, as data. The generator writes the chart's files of them.

Every expression goes by what `PodMonitor` and `ServiceMonitor` make of a target: `namespace` and `name` are an object's, and of an
engine's series `revision` is its revision key.
"""
