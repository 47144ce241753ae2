"""Fine-tuning of pretrained networks: the start of new heads, and mixed weights."""
