"""Pure decisions about revisions: what shapes one, which one serves, what is kept."""
