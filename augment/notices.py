"""What an operation tells its user beside the result: a key, for a page that speaks another language, and English.

`ui/texts/notices.json` holds the same sentences by the same keys in each language of the page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["ENGLISH", "Notice", "NoticeKey", "notice"]

NoticeKey = Literal[
    "no_image_near",
    "label_unchecked",
    "path_empty",
    "classes_apart",
    "boundary_few",
    "no_boundary",
    "no_classifier",
    "other_map",
    "nothing_changed",
    "strength_none",
    "prompt_cut",
    "patch_enlarged",
    "lora_other_base",
    "lora_unsaid",
    "lora_one_image",
    "lora_no_masks",
    "lora_some_unmasked",
    "lora_one_part",
    "lora_mixed",
    "lora_small",
    "lora_none_aside",
    "lora_no_good",
    "lora_word",
    "lora_fetched",
    "arm_one_label",
    "arm_no_masks",
    "arm_ungated",
    "arm_no_samples",
    "arm_none_accepted",
    "arm_none_passes",
    "arm_one_generated",
    "recipe_no_good",
    "recipe_no_real",
    "recipe_no_generated",
    "untested_split",
    "untested_folds",
    "few_parts_tested",
    "folds_flatter",
    "folds_leave_out",
    "generators_saw_all",
    "from_nothing",
    "few_trainings",
    "learns_generated",
    "too_few_trainings",
    "too_few_test_parts",
    "defects_unmasked",
    "defects_few",
    "defects_alike",
    "defects_all_found",
    "defects_none_found",
    "apart_few_parts",
    "judge_builtin",
    "judge_named",
    "metrics_of_training",
    "metrics_nearer",
    "metrics_matched",
    "metrics_shift",
    "lpips_absent",
    "plan_cannot_make",
    "plan_wrong",
    "plan_boundary",
    "plan_good",
    "plan_alike",
    "loop_none_passes",
    "loop_no_gain",
    "loop_all_done",
    "no_training_images",
]

ENGLISH: Mapping[NoticeKey, str] = {
    "no_image_near": "No real image is near: the nearest lies {times} times the usual distance between parts away.",
    "label_unchecked": "This generator knows no labels: {label} is written on the samples unchecked.",
    "path_empty": (
        "No real image is near {empty} of the {count} steps of this way: the nearest lies up to {times} times the "
        "usual distance between parts away."
    ),
    "classes_apart": (
        "{first} and {second} do not meet on this map: their nearest images lie {times} times the usual distance "
        "between parts apart."
    ),
    "boundary_few": (
        "{found} of {asked} places: the classifier is unsure between {first} and {second} nowhere else where real "
        "images are near."
    ),
    "no_boundary": (
        "There is no place where the classifier is unsure between {first} and {second} and real images are near."
    ),
    "other_map": (
        "Generator {generator} was trained on another map: these samples were asked for by label alone. Train it again "
        "to ask for places."
    ),
    "strength_none": "Strength 0 changes nothing: the result would be the photograph itself, and was left out.",
    "nothing_changed": (
        "{unseen} of {count} changed nothing that can be seen: raise the strength, draw a larger mask, or use other "
        "words."
    ),
    "prompt_cut": 'The prompt is longer than the model takes: it did not hear "{words}".',
    "patch_enlarged": (
        "The photograph has only {side} px on its longer side, fewer than the model sees: it was enlarged and reduced "
        "again."
    ),
    "lora_other_base": "{lora} was trained on {base}, another model than this one: it may do little here, or harm.",
    "lora_unsaid": '{lora} knows its defect as "{token}", which the prompt does not say: use "{prompt}".',
    "lora_one_image": "One image: it will be learned by heart. Ten photographs are enough, one is not.",
    "lora_no_masks": (
        "No image has a mask: all of each picture is learned as the defect. Draw masks for a defect in its place."
    ),
    "lora_some_unmasked": "{count} images have no mask and are left out.",
    "lora_one_part": "All images show one part ({part}): its look will be learned with the defect.",
    "lora_mixed": "Labels are mixed ({labels}): one word will stand for all.",
    "lora_small": (
        "{count} images are narrower than {side} px, what the model sees, and will be enlarged: their samples are soft."
    ),
    "lora_none_aside": (
        "Too few images to set any aside: there will be no held-out loss, and the advice rests on copies alone."
    ),
    "lora_no_good": "No good parts are there: surroundings may take on the defect's look. Import good parts.",
    "lora_word": (
        'The token "{token}" is a word that the model knows: what it meant is lost. Take one without a meaning, as kzu.'
    ),
    "lora_fetched": "{model} is not on this machine yet: it is fetched when the training starts.",
    "arm_one_label": "All {count} training images are of one label: a classifier needs two to tell apart.",
    "arm_no_masks": "Arm {arm} is empty: no training image has a mask.",
    "arm_ungated": (
        "Arm {arm} cannot be trained: the gates have not measured all samples. Run them first (Review, Gates)."
    ),
    "arm_no_samples": "Arm {arm} is empty: generate samples first.",
    "arm_none_accepted": "Arm {arm} is empty: accept some samples first.",
    "arm_none_passes": "Arm {arm} is empty: no sample passes every gate. Move a limit or generate others.",
    "arm_one_generated": "Arm {arm} has samples of one label: generate others as well.",
    "recipe_no_good": (
        "{arm} needs to know the label of good parts: name it (--good; on the page: More, Label of good parts)."
    ),
    "recipe_no_real": "{arm} needs real images of {label} in training: there are none.",
    "recipe_no_generated": "{arm} needs generated samples of {label}: generate some.",
    "untested_split": "Not tested, for the {split} split has no image of it: {labels}.",
    "untested_folds": "Not tested, for the folds have no image of it: {labels}.",
    "few_parts_tested": (
        "Labels tested on few parts: {labels}. Their recall says little, and intervals leave room for what other parts "
        "may show."
    ),
    "folds_flatter": (
        "Judged in folds of training and validation images, test photographs untouched: no classifier saw the parts "
        "that it judges or a sample that descends from them, but generators and gates have learned from all training "
        "images. That flatters arms with generated images; the last word has the test split."
    ),
    "folds_leave_out": (
        "Of {samples} samples, {least} to {most} are left out of a fold's training, for they descend from a part "
        "that it judges."
    ),
    "generators_saw_all": (
        "Where real images are left out of a training set, the generators have still learned from all of them: such "
        "points say what samples add, not what could be had from so few images."
    ),
    "from_nothing": (
        "Classifiers start from nothing: the network that ships with Kizu is for sides of {least} to {most} px."
    ),
    "few_trainings": "Trainings of each arm: {count}. That tells nothing of their spread: take {needed} or more.",
    "learns_generated": (
        "{arm}: generated images are easily told from real ones ({labels}), and their share of the looks differs "
        "between labels ({shares}), so that a classifier can learn 'generated' in place of the label: generate the "
        "other labels in the same way."
    ),
    "too_few_trainings": "Too few trainings of each arm: {count} of {needed}.",
    "too_few_test_parts": "Too few test parts: {count} of {needed}.",
    "defects_unmasked": "No test image of a defect has a mask.",
    "defects_few": "{count} test defects have a mask, and {needed} are needed.",
    "defects_alike": "All test defects are equally severe.",
    "defects_all_found": "Every test defect is found.",
    "defects_none_found": "No test defect is found.",
    "apart_few_parts": "Real images of {real} parts and generated ones of {generated}: {needed} each are needed.",
    "judge_builtin": (
        "an independent built-in encoder (likeness only, width {width}, seed {seed}, variance 1 on real training "
        "images)"
    ),
    "judge_named": "{name}",
    "metrics_of_training": (
        "Held against training images, which generators and the judge have learned from: how samples fare beside "
        "other parts, a classifier says (Verdict, kizu evaluate classifier)."
    ),
    "metrics_nearer": (
        "Nearer than real to real is no praise: samples made on a training photograph share its part, the halves of "
        "the real images share none."
    ),
    "metrics_matched": (
        "As many of each label on both sides, which is no more than half of the real images has: labels that are "
        "rare among these count for less than they do in a set."
    ),
    "metrics_shift": (
        "FD, precision, coverage and the Vendi score shift with the number of images: compare them with real against "
        "real beside them, and FD with no FID of another encoder."
    ),
    "lpips_absent": (
        "LPIPS: its weights are not here. Put {file} into the folder checkpoints of torch's hub, and install "
        "torchmetrics; nothing is downloaded."
    ),
    "plan_cannot_make": (
        "{method} cannot make {label}: a classifier may learn 'generated' for the labels that have samples."
    ),
    "plan_wrong": "{wrong} of {images} images of {label} are named wrongly.",
    "plan_boundary": (
        "{wrong} of {images} images of {label} are named wrongly, most of them as {rival}: at the boundary of the two."
    ),
    "plan_good": (
        "{wrong} of {images} images of {label} are named wrongly; good parts are re-drawn as well, or a classifier "
        "learns 'generated'."
    ),
    "plan_alike": "Like its training images in turn, so that every label has generated ones.",
    "loop_none_passes": "Round {round}: none of {samples} samples passes every gate. Look at them in Review.",
    "loop_no_gain": (
        "Round {round} added nothing: balanced accuracy {own} after {before} ({gain}, 95 % {low} to {high})."
    ),
    "loop_all_done": "All rounds asked for ({rounds}) are done, and each added something by its estimate.",
    "no_training_images": "The training split has no images: import images first.",
    "no_classifier": "This map keeps no classifier: build the map again to see how samples are judged.",
}
"""The sentence of each key, with the names of its values."""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One sentence. values: what stands in it, by name; `text` has them filled in."""

    key: NoticeKey
    values: Mapping[str, str | int]
    text: str


def notice(key: NoticeKey, **values: str | int) -> Notice:
    """The notice of a key. Raises KeyError for an unknown key or a missing value."""
    return Notice(key=key, values=values, text=ENGLISH[key].format(**values))
