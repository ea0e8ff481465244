"""The tokenizer of this folder as its tokenizer.json has it. For a model of this class transformers takes the rules of the
class's own tokenizer, whatever that file says, unless a folder brings a class."""

from transformers import PreTrainedTokenizerFast


class SinklabTokenizer(PreTrainedTokenizerFast):
    pass
