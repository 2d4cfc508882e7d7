"""A file of a pretrained network to weights, one module a layout. Nothing in a file is run."""
