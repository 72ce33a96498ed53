"""The built-in model's text side: a CLIP tokenizer whose words are those of the captions, and a small text encoder.

Unknown words are spelled out of letters, as CLIP does it. Knows no image.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import CLIPTextModel, CLIPTokenizer

__all__ = ["MAX_TOKENS", "build_text_encoder", "build_tokenizer"]

MAX_TOKENS = 32
_START, _END = "<|startoftext|>", "<|endoftext|>"


def build_tokenizer(words: Sequence[str], folder: Path) -> "CLIPTokenizer":
    """A tokenizer in which `words` (lower-case letters) are one token each; its files are left in `folder`.

    Byte-pair merges build each word from its left: "c r", "cr a", ... Long words come first, because an earlier merge
    wins: "an" must not take the end of "can".
    """
    from transformers import CLIPTokenizer

    letters = [chr(code) for code in range(33, 127)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters)]
    merges: list[tuple[str, str]] = []
    for word in sorted(set(words), key=lambda word: (-len(word), word)):
        left = word[0] if len(word) > 1 else f"{word}</w>"
        for place, letter in enumerate(word[1:], start=2):
            right = f"{letter}</w>" if place == len(word) else letter
            if (left, right) not in merges:
                merges.append((left, right))
            left += right
    tokens += [token for token in dict.fromkeys("".join(pair) for pair in merges) if token not in tokens]
    tokens += [_START, _END]
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {token: number for number, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges), ""]
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
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
