"""What each inference engine needs to run: pure, one file an engine."""
