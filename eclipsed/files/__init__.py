"""Writing files so that nothing half-written stays behind, and the header that all files of our own share. No torch."""
