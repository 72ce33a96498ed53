"""What every other generator is compared with: a DCGAN, copy-paste, and noise defects."""
