"""Writes the table of settings into docs/configuration.md: python docs/write_settings.py"""

from pathlib import Path

from pipeline.config.text import settings_table

MANUAL = Path(__file__).with_name("configuration.md")
START = "<!-- From here on written by docs/write_settings.py. -->\n"

if __name__ == "__main__":
    text = MANUAL.read_text(encoding="utf-8")
    MANUAL.write_text(text.partition(START)[0] + START + "\n" + settings_table(), encoding="utf-8")
