"""The command line `fpn`."""
