"""Position-conditioned diffusion: schedule, U-Net, condition, denoiser, samplers, training. Knows no workspace."""
