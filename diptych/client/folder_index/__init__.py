"""An index of the images in a folder, which is kept up to date at the cost of what changed."""
