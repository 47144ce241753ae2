"""The exported SavedModels, and weights that training starts with."""
