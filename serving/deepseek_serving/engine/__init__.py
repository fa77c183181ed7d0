"""What runs inside the engine's container: standard library only, whatever the image is."""
