"""Where models come from: one file a protocol, each of which lists, and says where bytes are."""
