"""Whether a deployed stack works: one file for each area, read-only, each finding with its fix."""
