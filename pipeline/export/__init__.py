"""The views of a job in the forms that training code reads: folders, WebDataset, Parquet, RecordIO."""
