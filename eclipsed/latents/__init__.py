"""Where faces live: latents, the spaces Z, W, W+ and S, how data lies in them, and directions through them."""
