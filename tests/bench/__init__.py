"""Speed and memory, measured: `python -m tests.bench`. Nothing here is a test; tests prove behaviour, never time."""
