"""For the project's maintainers: what is generated, prices and pictures."""
