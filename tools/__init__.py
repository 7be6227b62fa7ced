"""Programs for contributors. No part of the product imports them."""
