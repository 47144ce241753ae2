"""Names of the three SavedModels of a release, their signatures, and the files beside them."""

JOINT, IMAGE_TOWER, TEXT_TOWER = "joint", "image_tower", "text_tower"
MODELS = (JOINT, IMAGE_TOWER, TEXT_TOWER)

# Signatures of the joint model; each tower alone has only the first.
SERVING_DEFAULT = "serving_default"
EMBED_IMAGE, EMBED_TEXT, SIMILARITY = "embed_image", "embed_text", "similarity"

# Inputs of the signatures; each is a string tensor [n].
EXAMPLES_INPUT, IMAGE_INPUT, TEXT_INPUT = "examples", "image", "text"

# Below a Trainer's model artifact. TFX looks for the joint model in Format-Serving.
FOLDERS = {JOINT: "Format-Serving", IMAGE_TOWER: IMAGE_TOWER, TEXT_TOWER: TEXT_TOWER}
GOLDEN_OUTPUTS = (
    "golden_outputs.npz"  # embeddings by the trainer itself, with which the serving check compares
)
REMARKS = "remarks.json"  # the trainer's warnings, a list of sentences; absent: none
TRAINED_WITH = (
    "trained_with.json"  # values that the Tuner chose, by dotted key; absent: there was no Tuner
)
WEIGHT_MIXING = "weight_mixing.json"  # the curve of a fine-tuning; absent: weights were not mixed

CONFIG = "config.json"  # of the run, in the folder of a release

# Below a ServingCheck's artifact.
CHECK_REPORT = "check.json"
WARMUP_FOLDER = "warmup"
WARMUP_FILE = "tf_serving_warmup_requests"  # TensorFlow Serving's name, in assets.extra
