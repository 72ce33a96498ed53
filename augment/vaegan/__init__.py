"""A beta-VAEGAN that learns one more factor without forgetting: networks, losses, training, and how factors are judged.

After Akita and Taguchi 2024 (pseudo-anomaly generation): a frozen teacher encoder, a student with added dimensions.
"""
