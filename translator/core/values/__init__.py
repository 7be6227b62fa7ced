"""Values of messages: the closed vocabularies of dialects, and the codecs that read and write single values."""
