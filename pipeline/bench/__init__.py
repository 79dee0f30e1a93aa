"""How fast the job is on this machine, and what that means for others.

`photos` makes the faces, `kernels` times each step of a face alone, `whole_job` the job around them,
`pose_stage` a device, `cost_model` works out larger jobs from the numbers, `report` says all of it.
"""
