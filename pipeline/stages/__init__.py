"""The stages of a job: decode, pose, render, write; plain functions of batches of faces."""
