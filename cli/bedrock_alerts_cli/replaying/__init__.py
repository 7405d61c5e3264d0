"""An exported log played once more into a deployed stack."""
