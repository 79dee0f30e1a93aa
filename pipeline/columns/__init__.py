"""Networks of users on the upright crop of a face: embeddings, quality, age, whatever they compute.

description   `net.yaml`: the file of a network, and how it wants its input
network       the network itself, checked before it is used
quality       three plain numbers on the photo of a face
stage         all columns of a batch of posed faces
"""
