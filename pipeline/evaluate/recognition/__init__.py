"""How well faces are recognised, by alignment: `fpn evaluate PAIRS --embedding net.yaml`.

pairs         faces and which of them to compare
readers       pairs out of LFW's and CFP's files, tables, manifests
bin_file      InsightFace's .bin files, read without running what is pickled in them
alignments    crops of a face by box, detector, pose, pose and views
conditions    the same faces with worse photos
embeddings    crops to embeddings, kept on disk
rates         error rates of scores
people        intervals by bootstrap over people
evaluation    all of it
report        table, curves, sheet of the worst pairs
"""
