"""The settings of a job: model, presets, sources, text."""
