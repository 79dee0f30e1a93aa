"""Making manifests: from photos and a detector, or from the files that other projects keep their faces in."""
