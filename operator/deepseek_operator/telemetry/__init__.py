"""What pods say of themselves over HTTP: the only code that reads it."""
