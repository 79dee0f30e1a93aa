"""The report of a job: one file of HTML with numbers, rejects, faces and settings, for looking at results.

It reads only what the job wrote, and the photos of the few faces that it shows. Statistics take the poses
column by column and part by part, so that a million faces need little memory.

`write_report` is imported from `pipeline.report.write`, not from here: it needs matplotlib and jinja2.
"""
