"""The development machine: an embedded cluster, images, small models and the demo."""
