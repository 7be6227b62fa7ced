"""HTTP as values: requests and answers, paths, page links, error bodies, and the formats of bodies."""
