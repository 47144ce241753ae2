"""Transform: TFX's node, which writes records without compressing compressed images again."""
