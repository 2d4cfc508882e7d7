"""Every pretrained network behind an interface of its own: frozen, on one device, with its own preprocessing."""
