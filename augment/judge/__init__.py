"""The judges: what is said about generated images by numbers, networks of its own, and real images beside them."""
