"""The five training sets of the published comparison of real and generated images, by how many of each they have.

"Stable Diffusion + LoRA for abnormal images" (Chowa Giken 2024): one good label and four of defects, tested on real
photographs. Knows numbers; no store, no images.
"""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["FIRST_RECIPE", "RECIPES", "Recipe"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """At most so many real and generated images of the good label, and of each label of defects."""

    good_real: int = 0
    good_generated: int = 0
    defect_real: int = 0
    defect_generated: int = 0

    def real(self, good: bool) -> int:
        """Real images of a label."""
        return self.good_real if good else self.defect_real

    def generated(self, good: bool) -> int:
        """Generated ones beside them."""
        return self.good_generated if good else self.defect_generated


RECIPES: Mapping[str, Recipe] = {
    "recipe 1": Recipe(good_real=24, defect_real=10),
    "recipe 2": Recipe(good_generated=100, defect_generated=100),
    "recipe 3": Recipe(good_real=24, good_generated=100, defect_real=10, defect_generated=100),
    "recipe 4": Recipe(good_real=100, defect_generated=100),
    "recipe 5": Recipe(good_real=100, defect_real=10, defect_generated=100),
}
FIRST_RECIPE = "recipe 1"
"""What the others are held against: few real images alone."""
