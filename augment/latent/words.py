"""What captions mean, learned by the text encoder from words alone, before it meets a picture.

CLIP learns it from pictures beside their captions. Learned through the U-Net's gradient alone it comes last: after
24,000 windows of drawn surfaces the caption of another picture raised the error at sigma 8 by 0.001, taught so by
0.013. Knows captions and tokens; no picture.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from augment.training.precision import Precision
from augment.training.randomness import seed_everything

if TYPE_CHECKING:
    from transformers import CLIPTextModel, CLIPTokenizer

__all__ = ["teach_words"]

_BATCH, _LEARNING_RATE = 64, 1e-3
_WORDS_WEIGHT = 10.0
"""Of the words themselves, whose loss is a mean over a hundred that are mostly not there."""


def teach_words(
    encoder: "CLIPTextModel",
    tokenizer: "CLIPTokenizer",
    captions: Sequence[str],
    meanings: NDArray[np.int64],
    precision: Precision,
    seed: int,
) -> list[float]:
    """Trains `encoder` in place, once through `captions`; the shares of each meaning named rightly at last.

    meanings: (n, m), what each caption says of m questions as a number from 0; -1 where it is silent. Each state from
    the caption's end on has seen all of it, and is asked for the meanings and for every word, so that names of one
    thing become alike and qualities stay apart.
    """
    seed_everything(seed)
    tokens = tokenizer(list(captions), padding="max_length", truncation=True, return_tensors="pt").input_ids
    wanted = torch.from_numpy(meanings)
    sizes = [*(wanted.amax(0) + 1).tolist(), len(tokenizer)]
    precision.place(encoder).train()
    head = precision.place(nn.Linear(encoder.config.hidden_size, sum(sizes)))
    optimizer = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], lr=_LEARNING_RATE, fused=True)
    batches = torch.split(torch.arange(len(tokens)), _BATCH)
    right: list[list[float]] = []
    for step, rows in enumerate(batches):
        rate = min(1.0, (step + 1) / 50, (len(batches) - step) / (0.3 * len(batches)))
        optimizer.param_groups[0]["lr"] = _LEARNING_RATE * rate
        told = tokens[rows].to(precision.device)
        # Of many ends the first: what comes before has not seen all.
        whole = (told == tokenizer.eos_token_id).cumsum(1) > 0
        row = whole.nonzero()[:, 0]
        *guesses, words = torch.split(head(encoder(told).last_hidden_state)[whole], sizes, dim=1)
        said = torch.zeros(len(rows), sizes[-1], device=precision.device).scatter_(1, told, 1.0)[row]
        loss = _WORDS_WEIGHT * functional.binary_cross_entropy_with_logits(words, said)
        answers = wanted[rows].to(precision.device)[row]
        for guess, answer in zip(guesses, answers.unbind(1), strict=True):
            loss = loss + functional.cross_entropy(guess, answer, ignore_index=-1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        right = [*right[-19:], [_share(*pair) for pair in zip(guesses, answers.unbind(1), strict=True)]]
    encoder.eval()
    return [float(value) for value in np.mean(right, axis=0)]


def _share(guess: Tensor, answer: Tensor) -> float:
    told = answer >= 0
    return float((guess.argmax(1) == answer)[told].float().mean())
