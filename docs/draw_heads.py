"""Draws the picture of docs/heads.md: python docs/draw_heads.py"""

from pathlib import Path

import cv2

from render_core.heads import gallery

PICTURE = Path(__file__).parent / "pictures" / "heads.jpg"
TILE_PX = 150


def main() -> None:
    cv2.imwrite(str(PICTURE), gallery(size_px=TILE_PX), [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
