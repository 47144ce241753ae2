"""ImageTextExampleGen: from files of image-text pairs to tf.train.Example."""
