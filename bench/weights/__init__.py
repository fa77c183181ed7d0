"""What fetching weights costs, beside curl, from a hub on this machine."""
