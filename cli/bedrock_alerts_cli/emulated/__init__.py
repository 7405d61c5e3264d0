"""Built functions on this machine, under Lambda's runtime interface emulator and without Docker."""
