"""What several tests need: places of reference data, scripted registries, real programs."""
