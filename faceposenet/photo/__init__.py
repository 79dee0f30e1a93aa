"""Photos: read within limits, decoded upright, no larger than their faces need, and cropped.

The one way to a photo's pixels, for the library and for every command of the job.
"""
