"""One photo, its pose and its views, for a person to look at."""
