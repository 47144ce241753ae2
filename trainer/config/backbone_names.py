"""Which networks of Keras and KerasHub a tower can be, by name, so that no config imports them.

A test holds the lists against the libraries.
"""

# keras.applications: the smallest side of an image, pixels, by the name of the model.
KERAS_APPLICATIONS = {
    **dict.fromkeys(("ConvNeXtTiny", "ConvNeXtSmall", "ConvNeXtBase"), 32),
    **dict.fromkeys(("ConvNeXtLarge", "ConvNeXtXLarge"), 32),
    **dict.fromkeys(("DenseNet121", "DenseNet169", "DenseNet201"), 32),
    **{f"EfficientNetB{n}": 32 for n in range(8)},
    **{f"EfficientNetV2{n}": 32 for n in ("B0", "B1", "B2", "B3", "S", "M", "L")},
    **dict.fromkeys(("InceptionResNetV2", "InceptionV3"), 75),
    **dict.fromkeys(("MobileNet", "MobileNetV2", "MobileNetV3Large", "MobileNetV3Small"), 32),
    **dict.fromkeys(("NASNetLarge", "NASNetMobile"), 32),
    **{f"ResNet{n}{v}": 32 for n in (50, 101, 152) for v in ("", "V2")},
    **dict.fromkeys(("VGG16", "VGG19"), 32),
    "Xception": 71,
}
# What these give an image does not depend on the other images of the batch.
WITHOUT_BATCH_NORM = ("ConvNeXt", "VGG")  # the starts of their names

# KerasHub: backbones that take pixels alone, and whether they normalise over the batch.
HUB_IMAGE_BACKBONES = {
    **dict.fromkeys(
        ("CSPNetBackbone", "DenseNetBackbone", "EfficientNetBackbone", "HGNetV2Backbone"), True
    ),
    **dict.fromkeys(("MobileNetBackbone", "ResNetBackbone", "XceptionBackbone"), True),
    **dict.fromkeys(("DeiTBackbone", "DINOV2Backbone", "DINOV3Backbone", "MiTBackbone"), False),
    **dict.fromkeys(("MobileNetV5Backbone", "SwinTransformerBackbone", "VGGBackbone"), False),
    **dict.fromkeys(("ViTBackbone", "ViTDetBackbone"), False),
}
# Backbones that put a token of the whole image before those of its patches.
WITH_CLASS_TOKEN = ("DeiTBackbone", "DINOV2Backbone", "DINOV3Backbone", "ViTBackbone")

# KerasHub: backbones that take token ids, where they are, and nothing else that we could not say.
HUB_TEXT_BACKBONES = (
    *("AlbertBackbone", "BertBackbone", "DebertaV3Backbone", "DistilBertBackbone"),
    *("ElectraBackbone", "FNetBackbone", "RobertaBackbone", "RoformerV2Backbone"),
    *("XLMRobertaBackbone", "XLNetBackbone", "BloomBackbone", "FalconBackbone"),
    *("GPT2Backbone", "GPTNeoXBackbone", "GemmaBackbone", "Gemma3Backbone", "GptOssBackbone"),
    *("LlamaBackbone", "Llama3Backbone", "MistralBackbone", "MixtralBackbone", "OPTBackbone"),
    *("Phi3Backbone", "QwenBackbone", "Qwen3Backbone", "QwenMoeBackbone", "Qwen3MoeBackbone"),
    *("SmolLM3Backbone", "Qwen2Backbone", "SmolLMBackbone"),
)
