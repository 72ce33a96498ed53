"""From rows and bytes to a Hugging Face dataset on disk, its card, and the proof that it reads back. Knows no store."""
