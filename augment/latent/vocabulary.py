"""The built-in model's text side: a CLIP tokenizer whose words are those of the captions, and a small text encoder.

Unknown words are spelled out of letters, as CLIP does it. Knows no image.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import CLIPTextModel, CLIPTokenizer

__all__ = ["MAX_TOKENS", "build_text_encoder", "build_tokenizer"]

MAX_TOKENS = 32
_START, _END = "<|startoftext|>", "<|endoftext|>"


def build_tokenizer(words: Sequence[str], folder: Path) -> "CLIPTokenizer":
    """A tokenizer in which each of `words` (lower-case) is one token; its files are left in `folder`.

    Byte-pair merges are learned until every word is whole; letters, digits and signs of ASCII are tokens of their own.
    """
    from tokenizers import Tokenizer, models, trainers
    from transformers import CLIPTokenizer

    letters = [chr(code) for code in range(33, 127)]
    learned = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    trainer = trainers.BpeTrainer(
        vocab_size=100_000,
        min_frequency=1,
        initial_alphabet=letters,
        end_of_word_suffix="</w>",
        show_progress=False,
        special_tokens=[_START, _END],
    )
    # Each sign also as a word of its own, so that it is known at the end of a word.
    learned.train_from_iterator([*words, *letters], trainer)
    folder.mkdir(parents=True, exist_ok=True)
    learned.model.save(str(folder))
    tokenizer = CLIPTokenizer.from_pretrained(folder, model_max_length=MAX_TOKENS)
    tokenizer.save_pretrained(folder)
    return tokenizer


def build_text_encoder(tokenizer: "CLIPTokenizer", width: int = 128, layers: int = 3) -> "CLIPTextModel":
    """A CLIP text encoder with random weights: tokens (N, 32) -> hidden states (N, 32, width)."""
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=4 * width,
            projection_dim=width,
            num_hidden_layers=layers,
            num_attention_heads=max(1, width // 32),
            max_position_embeddings=MAX_TOKENS,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
