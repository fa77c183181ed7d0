"""The whole line, as a user walks it: cluster, images, models, chart, object, answer."""
