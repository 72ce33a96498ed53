"""The Stable Diffusion family: loading its checkpoints, re-drawing with them, and pretraining the built-in one."""
