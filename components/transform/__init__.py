"""Transform: the node that learns the vocabulary and makes the trainer's inputs."""
