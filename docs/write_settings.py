"""Writes the table of settings in docs/configuration.md and the preset configs/local.yaml.

Run it after a change of the settings: python docs/write_settings.py
"""

from pathlib import Path

from pipeline.config.text import default_yaml, settings_table

MANUAL = Path(__file__).with_name("configuration.md")
PRESET = Path(__file__).parents[1] / "configs" / "local.yaml"
START = "<!-- From here on written by docs/write_settings.py. -->\n"

if __name__ == "__main__":
    text = MANUAL.read_text(encoding="utf-8")
    MANUAL.write_text(text.partition(START)[0] + START + "\n" + settings_table(), encoding="utf-8")
    PRESET.write_text(default_yaml(), encoding="utf-8")
