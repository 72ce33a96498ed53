"""The list of subcommands: their names, what they do in one line, and an example. What they run is named by text."""

from dataclasses import dataclass

__all__ = ["COMMANDS", "Command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One subcommand.

    name: as typed, "train ddpm" for the second word of a group. fill, run: "module:function" below `augment.cli`,
    imported when the command is used. operation: what `fill` and `run` are about, where they serve several commands.
    """

    name: str
    help: str
    example: str
    fill: str = "operations:fill"
    run: str = "operations:run"
    operation: str = ""


COMMANDS: tuple[Command, ...] = (
    Command(
        name="import",
        help="import photographs: class folders, image and mask pairs, MVTec AD, Hugging Face data, or a zip",
        example="kizu import ~/tiles --groups-csv ~/tiles/groups.csv --workspace tiles",
        operation="import",
    ),
    Command(
        name="view",
        help="show or choose how images are cut for the networks: whole, centre or around the mask, side, colour",
        example="kizu view --side-px 128 --colour rgb --workspace tiles",
        fill="view:fill",
        run="view:run",
    ),
    Command(
        name="embed",
        help="build the map: encode every image and fit the projection",
        example="kizu embed --workspace tiles",
        operation="embed",
    ),
    Command(
        name="train encoder",
        help="train the built-in encoder on the training split",
        example="kizu train encoder --workspace tiles",
        operation="train_encoder",
    ),
    Command(
        name="train ddpm",
        help="train the generator on the training split and its positions",
        example="kizu train ddpm --images-seen 200000 --workspace tiles",
        operation="train_ddpm",
    ),
    Command(
        name="train dcgan",
        help="train a DCGAN on the training split: the baseline that other generators are compared with",
        example="kizu train dcgan --images-seen 200000 --workspace tiles",
        operation="train_dcgan",
    ),
    Command(
        name="train factors",
        help="train a model of factors: a teacher of a class, or a student that learns a new class beside it",
        example="kizu train factors --teacher-id 3 --label blowhole --workspace tiles",
        operation="train_factors",
    ),
    Command(
        name="train redraw",
        help="train the re-drawing model: defects inside a mask, from the training split's masks",
        example="kizu train redraw --side-px 128 --workspace tiles",
        operation="train_redraw",
    ),
    Command(
        name="train lora",
        help="teach a re-drawing model one defect from few photographs",
        example="kizu train lora --label crack --preset 20 --workspace tiles",
        operation="train_lora",
    ),
    Command(
        name="train lora-preflight",
        help="say what such a training would learn from, what looks wrong, and measure its seconds and memory",
        example="kizu train lora-preflight --label crack --preset 20 sd15 --workspace tiles",
        operation="preflight_lora",
    ),
    Command(
        name="train lora-grid",
        help="train LoRAs on more or fewer photographs and good parts, and lay their samples beside each other",
        example="kizu train lora-grid --label crack --instances 10 20 --regularisation 0 100 --workspace tiles",
        operation="lora_grid",
    ),
    Command(
        name="train base",
        help="make the networks that trainings start from, from drawn surfaces and a seed",
        example="kizu train base --workspace /tmp/kizu-base-training",
        operation="base",
    ),
    Command(
        name="train latent",
        help="make the built-in re-drawing model, from drawn surfaces and a seed",
        example="kizu train latent --workspace /tmp/kizu-latent-training",
        operation="latent",
    ),
    Command(
        name="train demo",
        help="make the models that ship with the demo workspace, from the code and a seed",
        example="kizu train demo --workspace /tmp/kizu-demo-training",
        operation="demo",
    ),
    Command(
        name="generate",
        help="generate samples of a label, anywhere or at a place on the map",
        example="kizu generate crack --image-id 42 --count 16 --workspace tiles",
        operation="generate",
    ),
    Command(
        name="generate-dcgan",
        help="generate samples of a label with the DCGAN",
        example="kizu generate-dcgan crack --count 100 --workspace tiles",
        operation="generate_dcgan",
    ),
    Command(
        name="read-factors",
        help="the factors of a photograph, by the model of factors",
        example="kizu read-factors --image-id 42 --workspace tiles",
        operation="encode_factors",
    ),
    Command(
        name="draw-factors",
        help="the picture of some factors, as a PNG in base64",
        example="kizu draw-factors 0 0 1.5 0 0 --json --workspace tiles",
        operation="decode_factors",
    ),
    Command(
        name="factor-series",
        help="samples along one factor, from photographs or from factors, into the review",
        example="kizu factor-series blowhole 9 --image-ids 42 --low 0 --high 2 --count 8 --workspace tiles",
        operation="factor_series",
    ),
    Command(
        name="vary",
        help="vary photographs: noised to a strength, denoised by the generator",
        example="kizu vary 42 --sigma 1.23 --count 8 --workspace tiles",
        operation="vary",
    ),
    Command(
        name="cutmix",
        help="paste a region of one photograph into another, and harmonise the seam",
        example="kizu cutmix 42 7 --x-px 120 --y-px 80 --sigma 1.23 --model workspace --workspace tiles",
        operation="cutmix",
    ),
    Command(
        name="redraw",
        help="re-draw what is under a mask of a photograph, or all of it",
        example="kizu redraw crack 42 --model workspace --count 8 --workspace tiles",
        operation="redraw",
    ),
    Command(
        name="redraw-batch",
        help="re-draw many photographs under masks of the library, into the review",
        example="kizu redraw-batch crack 200 --on free --model workspace --workspace tiles",
        operation="redraw_batch",
    ),
    Command(
        name="paste-batch",
        help="paste real defects, or patches of noise, onto many photographs: the baselines without a network",
        example="kizu paste-batch crack 200 --on free --blend poisson --workspace tiles",
        operation="paste_batch",
    ),
    Command(
        name="propose",
        help="propose places where two labels meet: the classifier is unsure and real images are near",
        example="kizu propose crack free --count 8 --workspace tiles",
        operation="propose",
    ),
    Command(
        name="gate",
        help="measure every sample: its change, its label, whether it copies, whether it looks real",
        example="kizu gate --workspace tiles",
        operation="gate",
    ),
    Command(
        name="plan",
        help="say what to generate next: which labels, where, how many, from what the classifier gets wrong",
        example="kizu plan --count 300 --workspace tiles",
        operation="plan",
    ),
    Command(
        name="make-plan",
        help="make what is planned, all of it in one job, into the review",
        example="kizu make-plan --count 300 --workspace tiles",
        operation="make_plan",
    ),
    Command(
        name="loop",
        help="generate what the classifier gets wrong, gate it, learn from it; until a round adds nothing",
        example="kizu loop --rounds 3 --workspace tiles",
        operation="loop",
    ),
    Command(
        name="mix-controls",
        help="mix real images into the review, unmarked: how many are rejected tells what a rejection means",
        example="kizu mix-controls --count 10 --workspace tiles",
        operation="mix_controls",
    ),
    Command(
        name="review",
        help="list samples; accept or reject them by id or by filters; take verdicts back",
        example="kizu review --accept-all --label crack --max-landing-error 2 --workspace tiles",
        fill="review:fill",
        run="review:run",
    ),
    Command(
        name="evaluate classifier",
        help="train classifiers with and without samples, and say whether these help, hurt, or nothing can be told",
        example="kizu evaluate classifier --seeds 5 --workspace tiles",
        operation="evaluate_classifier",
    ),
    Command(
        name="evaluate samples",
        help="measure how near samples come to real training images, by set and label, beside real against real",
        example="kizu evaluate samples --workspace tiles",
        operation="evaluate_samples",
    ),
    Command(
        name="evaluate demo",
        help="make the evaluation that ships with the demo, after train demo",
        example="kizu evaluate demo --seeds 5",
        operation="evaluate_demo",
    ),
    Command(
        name="evaluate variations",
        help="measure what partial noising and CutMix do to unseen photographs, and a generator beside a DCGAN",
        example="kizu evaluate variations --sampler ddpm --steps 1000 --workspace digits",
        operation="evaluate_variations",
    ),
    Command(
        name="evaluate factors",
        help="train teachers and students of factors on sprites, and print the published table beside ours",
        example="kizu evaluate factors --gammas 1 --seeds 0 --workspace study",
        operation="evaluate_factors",
    ),
    Command(
        name="evaluate slider",
        help="measure what the added slider of factors changes on unseen photographs, inside masks and outside",
        example="kizu evaluate slider --low -1 --high 1 --workspace tiles",
        operation="evaluate_slider",
    ),
    Command(
        name="evaluate control",
        help="judge whether samples land where they were asked for, beside real images",
        example="kizu evaluate control --references-from validation --workspace tiles",
        operation="evaluate_control",
    ),
    Command(
        name="export",
        help="write the data set: parquet, save_to_disk or image folder, with a card",
        example="kizu export ~/tiles-export --format parquet --workspace tiles",
        operation="export",
    ),
    Command(
        name="regenerate",
        help="make a sample again from its record and compare the bytes",
        example="kizu regenerate 17 --workspace tiles",
        operation="regenerate",
    ),
    Command(
        name="jobs",
        help="list jobs, show one with its log, resume or cancel one",
        example="kizu jobs resume 3 --workspace tiles",
        fill="jobs:fill",
        run="jobs:run",
    ),
    Command(
        name="doctor",
        help="report what this machine offers: Python, torch, processor, GPU, SQLite, disk, memory, Hub",
        example="kizu doctor --json",
        fill="system:fill_doctor",
        run="system:run_doctor",
    ),
    Command(
        name="ui",
        help="open the page in the browser",
        example="kizu ui --workspace tiles --port 7861",
        fill="system:fill_ui",
        run="system:run_ui",
    ),
    Command(
        name="demo",
        help="write the demo workspace: drawn surfaces with exact masks, trained models, samples to review",
        example="kizu demo --workspace kizu-demo",
        fill="system:fill_demo",
        run="system:run_demo",
    ),
)
