"""Where numbers are worked out: devices, precision, and CUDA graphs."""
