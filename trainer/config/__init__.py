"""The config of preprocessing, networks, loss, training and tuning. Free of TensorFlow."""
