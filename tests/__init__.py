"""The tests: a file a module, the literal exchanges, the rules of the house."""
