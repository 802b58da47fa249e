"""The data set: files, arrays, the order of the images."""
