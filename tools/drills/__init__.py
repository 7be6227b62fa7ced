"""Drills of one kind of trouble each, with a real process of the product. `python -m tools.drill` runs all of them."""
