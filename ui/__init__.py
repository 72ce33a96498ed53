"""The page: gradio lives here alone, reads the store, submits operations and computes nothing."""
