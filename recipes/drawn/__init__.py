"""What every set of drawn pictures is made with: values and facts, W, rendering, training, measuring."""
