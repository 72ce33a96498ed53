"""Teaching a Stable Diffusion model a rare defect from few photographs, by low-rank adapters (LoRA)."""
