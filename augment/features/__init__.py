"""Features: encoders, the projection, class boundaries and the atlas that the pages read. Import the modules; torch
comes with `encoders` alone."""
