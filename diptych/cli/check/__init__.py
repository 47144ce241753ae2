"""`diptych check`: read and validate the data without training."""
