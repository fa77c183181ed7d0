"""How many replicas an object's load needs (docs/decisions/0037). Pure: no clock, no I/O."""
