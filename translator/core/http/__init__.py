"""HTTP as values: requests and responses, paths, page links, error bodies, and the formats of bodies."""
