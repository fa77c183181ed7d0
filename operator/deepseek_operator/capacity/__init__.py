"""What accelerators the cluster has, who holds them, and whether pods would find room. Pure."""
