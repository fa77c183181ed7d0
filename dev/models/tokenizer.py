"""A byte-level BPE tokenizer, trained on the corpus, with DeepSeek's special tokens."""

from pathlib import Path

import tokenizers
import transformers
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

from dev.models import chat, questions
from dev.models.shapes import MAX_POSITIONS, VOCABULARY

CORPUS = Path(__file__).with_name("corpus")


def texts() -> list[str]:
    """What the tokenizer learns from: the corpus, and the questions with their answers."""
    corpus = [file.read_text() for file in sorted(CORPUS.glob("*.txt"))]
    spoken = [text for q in questions.load() for text in (q.question, q.thinking, q.answer)]
    return corpus + spoken


def build() -> transformers.PreTrainedTokenizerFast:
    """Train the tokenizer; every text has an encoding, since single bytes are tokens too."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(chat.VISIBLE_TOKENS),
        special_tokens=list(chat.SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts(), trainer)
    tokenizer.add_tokens(
        [
            tokenizers.AddedToken(token, special=False, normalized=False)
            for token in chat.VISIBLE_TOKENS
        ]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{chat.BEGIN} $A", special_tokens=[(chat.BEGIN, 0)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=chat.BEGIN,
        eos_token=chat.END,
        pad_token=chat.PAD,
        model_max_length=MAX_POSITIONS,
        clean_up_tokenization_spaces=False,
    )
