"""Photos that are there twice, faces that are too alike, and faces far from their subject: `fpn duplicates`.

hashes       near-identical pictures by perceptual hash
similarity   most alike faces, and distance to the subject's centre, by an embedding
table        all of it as one table, a row per face
"""
