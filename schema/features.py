"""Names of all features, raw and transformed; they are written in no other file."""

# A record, as ImageTextExampleGen writes it.
IMAGE_KEY = "image/key"
IMAGE_ENCODED = "image/encoded"
IMAGE_FORMAT = "image/format"
IMAGE_WIDTH = "image/width"
IMAGE_HEIGHT = "image/height"
IMAGE_BYTES = "image/bytes"
PERCEPTUAL_HASH = "image/perceptual_hash"  # 16 hex characters; close images have close ones
CAPTIONS = "text/captions"
LABELS = "text/labels"
CAPTION_WORDS = "text/caption_words"  # number of words of each caption
WORDS = "text/words"  # the distinct words of all captions of the record, lower case, sorted

# The same record, as Transform writes it for the trainer.
PIXELS = "pixels"  # one string of raw uint8, [size, size, 3]
TOKENS = "tokens"  # int64 [max_captions, max_tokens], 0 = padding
CAPTION_IDS = "caption_ids"  # int64 [max_captions], equal iff the normalised texts are; 0 = padding
CAPTION_LABELS = "caption_labels"  # int64 [max_captions], 1 = matches the image
KEY_ID = "key_id"  # int64, a fingerprint of the image key

# What a training step gets besides: one caption of each record, whose tokens alone are left.
CHOSEN = "chosen"  # int64, its place among the captions

# What the served model answers with.
IMAGE_EMBEDDING = "image_embedding"  # float32 [d]
TEXT_EMBEDDINGS = "text_embeddings"  # float32 [max_captions, d]
EMBEDDING = "embedding"  # float32 [d], of a signature that embeds one kind only
SIMILARITY = "similarity"  # float32 [texts]
VALID = "valid"  # bool, false for an image that cannot be decoded; what it answers with is NaN

ATTRIBUTES = "attributes/"  # what their features begin with
IMAGE_FORMATS = ("bmp", "gif", "jpeg", "png", "webp")


def attribute(name: str) -> str:
    """Return the feature of an attribute, for slicing: 'vendor' -> 'attributes/vendor'."""
    return ATTRIBUTES + name


def is_attribute(feature: str) -> bool:
    """Whether a feature holds an attribute."""
    return feature.startswith(ATTRIBUTES)


def attribute_name(feature: str) -> str:
    """Return the attribute of a feature: 'attributes/vendor' -> 'vendor'."""
    return feature.removeprefix(ATTRIBUTES)
