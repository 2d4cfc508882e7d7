"""Modules and ops, which read no weights, pick no device and hold no policy; fused kernels are built on first use."""
