"""Counting and sending again what failed: each thing once, whatever interrupts it."""
