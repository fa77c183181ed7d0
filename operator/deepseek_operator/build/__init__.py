"""One builder a child kind; each returns the complete desired object."""
