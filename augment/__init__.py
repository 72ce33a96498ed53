"""Kizu without its screen: the rooms of the house, floor by floor, as the README lists them."""
