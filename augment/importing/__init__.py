"""From a folder, zip, table or Hub dataset to a listing of pictures: label, group, split. No store, no torch."""
