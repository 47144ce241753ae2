"""Tables: their columns and cells, and how large a tf.train.Example is."""
