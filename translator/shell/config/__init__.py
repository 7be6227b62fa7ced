"""The configuration: its file, its environment, and the types of its sections."""
