"""Tools for the project's maintainers: generated documents, prices and pictures."""
