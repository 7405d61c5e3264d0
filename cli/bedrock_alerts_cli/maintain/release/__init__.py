"""Makes the files of a release: wheel, source archive, packaged templates, checksums, SBOMs."""
